-- Asks for a look at AWS now; status.lastHandledReconcileAt answers with the same value.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["federatedidentity.dev/requestedAt"] = os.date("!%Y-%m-%dT%XZ")
return obj
