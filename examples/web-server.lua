-- The web server: metrics for Prometheus, the API that others ask for statistics, and a page of our own.
-- It listens on loopback alone; a reverse proxy with TLS stands in front of it for everybody else.
setStrictConfig(true)
setLocal("192.0.2.10:53")
setACL({"0.0.0.0/0", "::/0"})
newServer{address="192.0.2.20:53", name="ns1"}
newServer{address="192.0.2.21:53", name="ns2"}
getPool(""):setCache(newPacketCache(100000))

-- The password is of the dashboard (any user name), the key of programs. Neither stands here in the
-- clear: hashPassword("open sesame") and hashPassword("a key") on the console made these.
webserver("127.0.0.1:8083")
setWebserverConfig({
  password = "$scrypt$ln=10,p=1,r=8$BxjF5FsFB1Vrqp4DhpIdkA==$hZGqkKsnbJOj5WslZfGlHs2TWwZj/+HsdO9aoQ7dERA=",
  apiKey = "$scrypt$ln=10,p=1,r=8$37b3J0OsoyKVRRenReiRGQ==$4XemTuG/SOPaz3EMXDrBl3VT+uggjw9e4GYYJ6auSm4=",
  acl = "127.0.0.0/8, ::1/128",
  statsRequireAuthentication = true,
  maxConcurrentConnections = 50,
  customHeaders = {["X-Robots-Tag"] = "noindex"},
})

-- For a load balancer's check: 200 while a server is up, else 503. Who may ask is decided as for other pages.
registerWebHandler("/ready", function(req, resp)
  local up = 0
  for _, server in ipairs(getServers()) do
    if server:isUp() then up = up + 1 end
  end
  resp.status = up > 0 and 200 or 503
  resp.headers = {["Content-Type"] = "text/plain"}
  resp.body = up .. " of " .. #getServers() .. " servers are up\n"
end)
