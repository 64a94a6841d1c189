-- Stops every write to AWS for this identity, except its deletion.
obj.spec.suspend = true
return obj
