-- Nameservers that are asked over TLS and over HTTPS. A server whose certificate is not good counts
-- as down; showServers() tells why.
setStrictConfig(true)

setLocal("127.0.0.1:5300")

newServer{address="192.0.2.53", name="over-tls", tls="openssl",
          subjectName="ns1.example.org", caStore="/etc/ssl/certs/ca-certificates.crt"}
newServer{address="192.0.2.54", name="over-https", tls="openssl", dohPath="/dns-query",
          subjectName="ns2.example.org", caStore="/etc/ssl/certs/ca-certificates.crt"}

-- Connections are kept and shared by many queries; HTTP/2 does so by itself.
newServer{address="192.0.2.55", name="pipelined", tls="openssl", maxInFlight=100,
          subjectName="ns3.example.org", caStore="/etc/ssl/certs/ca-certificates.crt"}

-- Asked in the clear until it announces an encrypted transport (RFC 9462), from then on over that.
newServer{address="192.0.2.56", name="found-out", autoUpgrade=true, autoUpgradeInterval=600,
          caStore="/etc/ssl/certs/ca-certificates.crt"}
