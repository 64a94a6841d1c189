// @peculiar/x509 wires its parts with decorators and refuses to load without the metadata functions of `Reflect`
// (its README: "Reflect Polyfill Required"). These are the ones that it calls; a fuller polyfill that is there wins.

type Key = string | symbol;

interface MetadataReflect {
  getMetadata?: (key: Key, target: object) => unknown;
  getOwnMetadata?: (key: Key, target: object) => unknown;
  hasOwnMetadata?: (key: Key, target: object) => boolean;
  defineMetadata?: (key: Key, value: unknown, target: object) => void;
}

function install(reflect: MetadataReflect): void {
  if (reflect.getMetadata !== undefined) return;
  const stored = new WeakMap<object, Map<Key, unknown>>();
  reflect.getOwnMetadata = (key, target) => stored.get(target)?.get(key);
  reflect.hasOwnMetadata = (key, target) => stored.get(target)?.has(key) === true;
  reflect.getMetadata = (key, target) => {
    for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
      const metadata = stored.get(at);
      if (metadata?.has(key)) return metadata.get(key);
    }
    return undefined;
  };
  reflect.defineMetadata = (key, value, target) => {
    const metadata = stored.get(target) ?? new Map<Key, unknown>();
    stored.set(target, metadata.set(key, value));
  };
}

install(Reflect as MetadataReflect); // the standard type knows none of these functions
