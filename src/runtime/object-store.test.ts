import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Change, ObjectStore, type ObjectStoreOptions, type StoredObject } from './object-store.ts';

interface Item extends StoredObject {
  readonly owner?: string;
}

const item = (name: string, resourceVersion: string, owner?: string): Item => ({
  metadata: { namespace: 'team-a', name, resourceVersion },
  ...(owner === undefined ? {} : { owner }),
});
const byOwner = { owner: ({ owner }: Item) => (owner === undefined ? [] : [owner]) };

function setup(options: Partial<ObjectStoreOptions<Item>> = {}) {
  const log = { error: vi.fn<(fields: unknown, message?: string) => void>() };
  const store = new ObjectStore<Item>({ indexes: byOwner, ...options, log });
  const changes: string[] = [];
  store.onChange(({ type, object }: Change<Item>) => void changes.push(`${type} ${object.metadata?.name}`));
  return { store, log, changes };
}
const names = (items: readonly Item[]) => items.map(({ metadata }) => metadata?.name);

describe('ObjectStore', () => {
  test('replace tells only the differences [F2]', () => {
    const { store, changes } = setup();
    store.replace([item('kept', '1'), item('changed', '2'), item('gone', '3')]);
    changes.length = 0;
    store.replace([item('kept', '1'), item('changed', '4'), item('new', '5')]);
    expect(changes).toEqual(['deleted gone', 'updated changed', 'added new']);
    expect(names(store.list())).toEqual(['kept', 'changed', 'new']);
  });

  test('it knows how long it has not been told of changes', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { store } = setup();
    expect(store.staleSeconds).toBe(0);
    store.setFollowed(false);
    vi.advanceTimersByTime(4_000);
    store.setFollowed(false);
    vi.advanceTimersByTime(3_000);
    expect(store.staleSeconds).toBe(7);
    store.setFollowed(true);
    expect(store.staleSeconds).toBe(0);
  });

  test('it is synced with the first list, even an empty one', async () => {
    const { store } = setup();
    expect(store.isSynced).toBe(false);
    store.replace([]);
    expect(store.isSynced).toBe(true);
    await store.synced;
  });

  test('the same version again is no change', () => {
    const { store, changes } = setup();
    store.set(item('a', '1'));
    store.set(item('a', '1'));
    expect(changes).toEqual(['added a']);
  });

  test('an update carries the object before it', () => {
    const { store } = setup();
    const seen: Change<Item>[] = [];
    store.set(item('a', '1', 'x'));
    store.onChange((change) => void seen.push(change));
    store.set(item('a', '2', 'y'));
    expect(seen).toEqual([{ type: 'updated', object: item('a', '2', 'y'), previous: item('a', '1', 'x') }]);
  });

  test('an index follows updates and deletions', () => {
    const { store } = setup();
    store.set(item('a', '1', 'x'));
    store.set(item('b', '2', 'x'));
    expect(names(store.byIndex('owner', 'x'))).toEqual(['a', 'b']);
    store.set(item('a', '3', 'y'));
    store.delete(item('b', '4'));
    expect(store.byIndex('owner', 'x')).toEqual([]);
    expect(names(store.byIndex('owner', 'y'))).toEqual(['a']);
  });

  test('an index that does not exist is a fault of the program', () => {
    expect(() => setup().store.byIndex('colour', 'red')).toThrow('no index "colour"');
  });

  test('objects of the same name in two namespaces or in none are different', () => {
    const { store } = setup();
    store.set(item('a', '1'));
    store.set({ metadata: { name: 'a', resourceVersion: '2' } });
    expect(store.get({ name: 'a' })?.metadata?.resourceVersion).toBe('2');
    expect(store.get({ namespace: 'team-a', name: 'a' })?.metadata?.resourceVersion).toBe('1');
    expect(store.get({ namespace: 'team-b', name: 'a' })).toBeUndefined();
  });

  test('a handler that throws is logged; the others still hear and the store is whole', () => {
    const log = { error: vi.fn<(fields: unknown, message?: string) => void>() };
    const store = new ObjectStore<Item>({ log });
    const second = vi.fn<() => void>();
    store.onChange(() => {
      throw new Error('fault of the handler');
    });
    store.onChange(second);
    store.set(item('a', '1'));
    expect(second).toHaveBeenCalledOnce();
    expect(store.get({ namespace: 'team-a', name: 'a' })).toBeDefined();
    expect(log.error).toHaveBeenCalledExactlyOnceWith(expect.anything(), 'change handler threw');
  });

  test('an index that throws finds nothing and is logged', () => {
    const { store, log } = setup({
      indexes: {
        owner: () => {
          throw new TypeError('no owner');
        },
      },
    });
    store.set(item('a', '1', 'x'));
    expect(store.byIndex('owner', 'x')).toEqual([]);
    expect(store.size).toBe(1);
    expect(log.error).toHaveBeenCalled();
  });

  test('what transform trims is not kept', () => {
    const { store } = setup({ transform: ({ metadata }) => ({ metadata }) });
    store.set(item('a', '1', 'x'));
    expect(store.get({ namespace: 'team-a', name: 'a' })?.owner).toBeUndefined();
  });

  test('a follower hears of what is there already, then of changes', () => {
    const { store } = setup();
    store.set(item('a', '1'));
    const heard: string[] = [];
    store.follow(({ type, object }) => void heard.push(`${type} ${object.metadata?.name}`));
    store.set(item('b', '2'));
    expect(heard).toEqual(['added a', 'added b']);
  });

  test('a handler that unsubscribed hears nothing more', () => {
    const { store } = setup();
    const handler = vi.fn<() => void>();
    store.onChange(handler)();
    store.set(item('a', '1'));
    expect(handler).not.toHaveBeenCalled();
  });
});
