-- Customers with nameservers of their own: by the zone that is asked for, or by the address that was asked.
-- Each pool has a cache and a policy of its own, so that nobody's flood pushes out another's answers; a
-- customer on the small plan has so many queries a second, what is above is refused.
setStrictConfig(true)
setLocal("192.0.2.10:53")
addLocal("192.0.2.11:53")
setACL({"0.0.0.0/0", "::/0"})

local customers = {
  {name="bakery", zones={"bakery.example.", "bakery.test."}, servers={"192.0.2.20:53"}, qps=100},
  {name="bank", zones={"bank.example."}, servers={"192.0.2.21:53", "192.0.2.22:53"}, policy=firstAvailable},
}

for _, customer in ipairs(customers) do
  for order, address in ipairs(customer.servers) do
    newServer{address=address, name=customer.name..order, pool=customer.name, order=order}
  end
  getPool(customer.name):setCache(newPacketCache(10000))
  if customer.policy then setPoolServerPolicy(customer.policy, customer.name) end

  local theirs = QNameSuffixRule(customer.zones)
  addAction(theirs, SetTagAction("customer", customer.name))
  if customer.qps then
    addAction(theirs, QPSPoolAction(customer.qps, customer.name), {name=customer.name.." within its share"})
    addAction(theirs, RCodeAction(DNSRCode.REFUSED), {name=customer.name.." above its share"})
  else
    addAction(theirs, PoolAction(customer.name), {name=customer.name})
  end
end

-- Who asks the second address is served by the bank's servers whatever the name is.
addAction(NetmaskGroupRule("192.0.2.11/32", false), PoolAction("bank"), {name="address of the bank"})

-- Zones of nobody.
newServer{address="192.0.2.29:53", name="parking", pool="parking"}
addAction(AllRule(), PoolAction("parking"), {name="parking"})
