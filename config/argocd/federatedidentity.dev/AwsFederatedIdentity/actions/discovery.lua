-- A suspended identity is not reconciled, and suspending says nothing to one that is being deleted.
local suspended = obj.spec ~= nil and obj.spec.suspend == true
local deleting = obj.metadata.deletionTimestamp ~= nil

return {
  reconcile = {disabled = suspended and not deleting},
  suspend = {disabled = suspended or deleting},
  resume = {disabled = not suspended or deleting},
}
