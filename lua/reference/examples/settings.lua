-- @ useProfile
-- What suits a front of authoritative servers; later lines may change it.
useProfile('authoritative')

-- @ setWorkers
setWorkers(2)

-- @ setStrictConfig
-- An unknown option is an error, not a warning.
setStrictConfig(true)

-- @ setUDPTimeout, setMaxUDPOutstanding, setMaxUDPResponseSize, setUDPSocketBufferSizes, setUDPMultipleMessagesVectorSize
setUDPTimeout(2)
setMaxUDPResponseSize(1232)
setUDPSocketBufferSizes(1048576, 1048576)
-- Accepted, without effect: see the help.
setMaxUDPOutstanding(65535)
setUDPMultipleMessagesVectorSize(100)

-- @ setRandomizedIdsOverUDP, setRandomizedOutgoingSockets
-- Accepted: both are always on.
setRandomizedIdsOverUDP(true)
setRandomizedOutgoingSockets(true)

-- @ setRetryBudget
-- One query of ten may be sent a second time.
setRetryBudget({share=0.1})

-- @ setMaxTCPConnectionsPerClient, setMaxTCPConnectionDuration, setMaxTCPQueriesPerConnection, setMaxTCPQueuedConnections, setMaxTCPReadIOsPerQuery, setTCPRecvTimeout, setTCPSendTimeout
-- Bounds of a client's connections.
setMaxTCPConnectionsPerClient(20)
setMaxTCPConnectionDuration(300)
setMaxTCPQueriesPerConnection(1000)
setMaxTCPQueuedConnections(1000)
setMaxTCPReadIOsPerQuery(50)
setTCPRecvTimeout(2)
setTCPSendTimeout(2)

-- @ setMaxTCPConnectionRatePerClient, setMaxTLSNewSessionRatePerClient, setMaxTLSResumedSessionRatePerClient, setTCPConnectionRateInterval, setBanDurationForExceedingTCPTLSRate, setBanDurationForExceedingMaxReadIOsPerQuery, setTCPConnectionsOverloadThreshold
-- Rates of a client's connections, and how long one above them is kept out.
setMaxTCPConnectionRatePerClient(50)
setMaxTLSNewSessionRatePerClient(10)
setMaxTLSResumedSessionRatePerClient(50)
setTCPConnectionRateInterval(5)
setBanDurationForExceedingTCPTLSRate(60)
setBanDurationForExceedingMaxReadIOsPerQuery(60)
setTCPConnectionsOverloadThreshold(90)

-- @ setTCPConnectionsMaskV4, setTCPConnectionsMaskV4Port, setTCPConnectionsMaskV6
-- A client is a /24 or a /48.
setTCPConnectionsMaskV4(24)
setTCPConnectionsMaskV4Port(0)
setTCPConnectionsMaskV6(48)

-- @ setMaxTCPClientThreads, setTCPInternalPipeBufferSize, setTCPUseSinglePipe, setOutgoingDoHWorkerThreads
-- Accepted: the workers do all of this.
setMaxTCPClientThreads(10)
setTCPInternalPipeBufferSize(1048576)
setTCPUseSinglePipe(true)
setOutgoingDoHWorkerThreads(2)

-- @ setTCPFastOpenKey
setTCPFastOpenKey('00112233-44556677-8899aabb-ccddeeff')

-- @ setMaxCachedTCPConnectionsPerDownstream, setTCPDownstreamMaxIdleTime, setTCPDownstreamCleanupInterval, setMaxIdleDoHConnectionsPerDownstream, setDoHDownstreamMaxIdleTime, setDoHDownstreamCleanupInterval
-- Idle connections to servers.
setMaxCachedTCPConnectionsPerDownstream(20)
setTCPDownstreamMaxIdleTime(60)
setTCPDownstreamCleanupInterval(60)
setMaxIdleDoHConnectionsPerDownstream(20)
setDoHDownstreamMaxIdleTime(60)
setDoHDownstreamCleanupInterval(60)

-- @ setOutgoingTLSSessionsCacheCleanupDelay, setOutgoingTLSSessionsCacheMaxTicketValidity, setOutgoingTLSSessionsCacheMaxTicketsPerBackend
setOutgoingTLSSessionsCacheCleanupDelay(60)
setOutgoingTLSSessionsCacheMaxTicketValidity(600)
setOutgoingTLSSessionsCacheMaxTicketsPerBackend(20)

-- @ setECSOverride, setECSSourcePrefixV4, setECSSourcePrefixV6
setECSOverride(true)
setECSSourcePrefixV4(24)
setECSSourcePrefixV6(56)

-- @ setStaleCacheEntriesTTL, setCacheCleaningDelay, setCacheCleaningPercentage
-- Expired answers for five minutes while no server is up.
setStaleCacheEntriesTTL(300)
setCacheCleaningDelay(60)
setCacheCleaningPercentage(100)

-- @ setServFailWhenNoServer, setRoundRobinFailOnNoServer
setServFailWhenNoServer(true)
setRoundRobinFailOnNoServer(true)

-- @ setWHashedPerturbation, setWHashedPertubation, setConsistentHashingBalancingFactor, setWeightedBalancingFactor
setWHashedPerturbation(4711)
-- The older spelling.
setWHashedPertubation(4711)
setConsistentHashingBalancingFactor(1.5)
setWeightedBalancingFactor(1.5)

-- @ setAddEDNSToSelfGeneratedResponses, setPayloadSizeOnSelfGeneratedAnswers, setAllowEmptyResponse, setDropEmptyQueries, fixupCase
setAddEDNSToSelfGeneratedResponses(true)
setPayloadSizeOnSelfGeneratedAnswers(1232)
setAllowEmptyResponse(true)
setDropEmptyQueries(true)
fixupCase(true)

-- @ setProxyProtocolMaximumPayloadSize, setProxyProtocolApplyACLToProxiedClients
setProxyProtocolACL('192.0.2.10/32')
setProxyProtocolMaximumPayloadSize(512)
setProxyProtocolApplyACLToProxiedClients(true)

-- @ setLuaBudget, setLuaLockTimeout
-- A callback is stopped after half a second; a worker waits 10 ms for its turn.
setLuaBudget({time=500, memory=67108864, instructions=0, onExceed="servfail"})
setLuaLockTimeout(10)

-- @ setRingBuffersSize, setRingBuffersOptions, setRingBuffersLockRetries, getRingBuffersSamplingRate
setRingBuffersSize(20000, 10)
setRingBuffersLockRetries(5)
setRingBuffersOptions({recordQueries=true, recordResponses=true})
print(getRingBuffersSamplingRate())

-- @ setServerID, getServerID
setServerID('front-1')
assert(getServerID() == 'front-1')

-- @ setVerbose, getVerbose, setVerboseHealthChecks, setStructuredLogging
setVerbose(true)
assert(getVerbose())
setVerboseHealthChecks(true)
setServerID('front-1')
-- Dates instead of seconds, and instance="front-1" in each line.
setStructuredLogging(true, {levelPrefix='severity', timeFormat='ISO8601', setInstanceFromServerID=true})

-- @ setSecurityPollInterval, setSecurityPollSuffix
-- Accepted: nobody is asked for a security status.
setSecurityPollInterval(3600)
setSecurityPollSuffix('')
