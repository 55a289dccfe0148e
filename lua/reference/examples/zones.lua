-- @ newZoneServer, addDrill
-- Nameservers first; the zone files where none of them answers. Each night a drill.
newServer{address='192.0.2.53', name='ns1'}
newZoneServer{path='/etc/breakwater/', name='files', tier=2}
addDrill({server='files', every=86400, duration=30, share=0.01})

-- @ setZoneHealth, setAlertCommand, addZoneStateChangeCallback
setZoneHealth({failover='auto', bad=3, of=5, good=2})
setAlertCommand('/usr/bin/logger', {args={'-t', 'breakwater'}, interval=60})
addZoneStateChangeCallback(function(zone, server, bad, reason)
  warnlog(zone .. ' on ' .. server .. (bad and ' is bad: ' or ' is good: ') .. reason)
end)

-- @ showZones (console)
showZones()
showZones({all=true, limit=10})
