// SPDX-License-Identifier: MIT
// Things that change and tell so.
import { useEffect, useReducer } from 'preact/hooks';

export class Store {
    #watchers = new Set();
    watch(watcher) {
        this.#watchers.add(watcher);
        return () => this.#watchers.delete(watcher);
    }
    changed() {
        for (const watcher of [...this.#watchers]) {
            watcher();
        }
    }
}

/** Draw again when `store` changes. */
export function use_store(store) {
    const [, draw] = useReducer((count) => count + 1, 0);
    useEffect(() => (store ? store.watch(draw) : undefined), [store]);
    return store;
}
