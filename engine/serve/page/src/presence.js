// SPDX-License-Identifier: MIT
// Who is at which card now, as leases come and go. What is missed is only not shown: the engine
// keeps the leases, and says on each claim who holds one.
import { Store } from './store.js';

const writing_ms = 10000; // a draft is news for this long

export class Presence extends Store {
    #at = new Map(); // ask → {by, until, wrote}
    #timer = 0;

    /** An event of the stream; true if it was one of these. */
    heard(name, { ask, by, until }) {
        if (name !== 'ask.claimed' && name !== 'ask.released' && name !== 'ask.drafted') {
            return false;
        }
        if (name === 'ask.released') {
            this.#at.set(ask, null); // whatever a list said that is older
        } else {
            const wrote = name === 'ask.drafted' ? Date.now() : this.#at.get(ask)?.wrote ?? 0;
            this.#at.set(ask, { by, until: Date.parse(until) || Date.now() + 60000, wrote });
        }
        this.changed();
        this.#look_again();
        return true;
    }

    /** {by, is_writing} or null: by what was heard, else by the lease that came with the ask. */
    of(id, lease) {
        const heard = this.#at.get(id);
        if (heard === undefined) {
            return lease ? { by: lease.by, is_mine: lease.mine, is_writing: false } : null;
        }
        const now = Date.now();
        return heard === null || heard.until <= now ? null : { by: heard.by, is_writing: now - heard.wrote < writing_ms };
    }

    /** A list that was just fetched knows better what stands. */
    settle(asks) {
        for (const { id, lease } of asks) {
            const heard = this.#at.get(id);
            if (heard === null || (heard && !lease)) {
                this.#at.delete(id);
            }
        }
    }

    #look_again() {
        clearTimeout(this.#timer);
        const now = Date.now();
        const times = [...this.#at.values()].filter(Boolean).flatMap(({ until, wrote }) => [until, wrote + writing_ms]).filter((at) => at > now);
        if (times.length > 0) {
            this.#timer = setTimeout(() => {
                this.changed();
                this.#look_again();
            }, Math.min(...times) - now + 50);
        }
    }
}

export const presence = new Presence();
