-- Healthy means: a pod of the ServiceAccount that is created now gets credentials of the role.
-- Only the base library is used, so that the script also runs without useOpenLibs.

-- The condition, where it speaks of the present spec.
local function condition(name)
  for _, c in ipairs(obj.status.conditions or {}) do
    local current = c.observedGeneration == nil or c.observedGeneration == obj.metadata.generation
    if c.type == name and current then
      return c
    end
  end
  return nil
end

local function health(status, found, default)
  return {status = status, message = found ~= nil and found.message or default}
end

if obj.metadata.deletionTimestamp ~= nil then
  local found = obj.status ~= nil and condition("Ready") or nil
  return health("Progressing", found, "The identity is being deleted.")
end

-- -1 is the default before the first look; any other difference is a change of the spec that nobody has looked at.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", nil, "Waiting for the operator to look at the identity.")
end

local ready = condition("Ready")
if (ready ~= nil and ready.reason == "Suspended") or (obj.spec ~= nil and obj.spec.suspend == true) then
  return health("Suspended", ready, "spec.suspend is true.")
end

local stalled = condition("Stalled")
if stalled ~= nil and stalled.status == "True" then
  return health("Degraded", stalled, "The identity is stalled.")
end

if ready ~= nil and ready.status == "True" then
  return health("Healthy", ready, "The identity is ready.")
end

-- The operator itself sets Stalled after five minutes without progress, so this does not last for ever.
return health("Progressing", ready, "Waiting for the operator to finish.")
