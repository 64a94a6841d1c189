return {reconcile = {disabled = false}}
