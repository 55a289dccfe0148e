-- DNS over HTTPS behind nginx, which has the certificate and speaks HTTP/1.1 to us in the clear:
--
--   upstream dns { server 127.0.0.1:8053; keepalive 16; }
--   server {
--     listen 443 ssl http2;
--     ssl_certificate ...; ssl_certificate_key ...;
--     location /dns-query {
--       proxy_pass http://dns;
--       proxy_http_version 1.1;
--       proxy_set_header Connection "";
--       proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
--     }
--   }
--
-- The right-most entry of X-Forwarded-For is the client: rules, limits and the access list below
-- are for it. So nobody but nginx may reach this port.

setLocal("0.0.0.0:53")
addDOHLocal("127.0.0.1:8053", nil, nil, {"/dns-query"}, {trustForwardedForHeader = true})
setACL({"127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16"})
newServer("192.0.2.53")
