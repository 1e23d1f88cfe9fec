// SPDX-License-Identifier: MIT
// The way from card to card: claims ahead, keeps leases alive, sends answers behind, takes back.
import * as api from './api.js';
import { Card } from './card.js';
import { Store } from './store.js';

const held_max = 3; // the one on the screen and two behind it
const beat_ms = 500; // how often it is looked whose heartbeat is due
const swap_wait_ms = 80; // a refusal that comes this fast is shown without a change of cards
const undo_ms = 10000, undo_most_ms = 30000; // how long an answer may be taken back from its message

/* What became of a card that was left behind, in the words of a toast. */
const lost_words = { leased: 'is held by someone else now', lease_lost: 'is held elsewhere now', stale_version: 'has changed meanwhile', withdrawn: 'was withdrawn', cancelled: 'was withdrawn' };

export class Queue extends Store {
    #shows = 0; // what was waited for is shown only if nothing else was meanwhile
    #is_hidden = false;
    #opening = null; // the card that was asked for and is on its way

    constructor() {
        super();
        this.filter = {};
        this.cards = []; // held, in order
        this.current = null;
        this.skipped = new Set();
        this.answers = []; // {card, reply, act, at}, the latest last
        this.is_empty = false;
        this.is_loading = false;
        this.open_trouble = null; // why the card that was asked for is not shown
        this.claim_trouble = null; // why none was claimed the last time
        this.count = 0; // answered in this sitting
        this.times = []; // seconds of each
        this.open_count = null;
        this.toast = null;
        this.conflicts = [];
        this.settled_prints = new Set(); // of answers for all alike
        setInterval(() => this.#beat(), beat_ms);
        document.addEventListener('visibilitychange', () => this.#show_time());
        addEventListener('pagehide', () => this.#leave());
    }

    #beat() {
        for (const card of this.cards) {
            card.heartbeat().then(() => {
                if (card.state === 'standing' && card !== this.current && card.is_untouched) {
                    this.#forget(card); // it was only held ahead
                }
            });
        }
    }
    #show_time() {
        if (document.visibilityState === 'visible') {
            this.current?.seen();
        } else {
            this.current?.unseen();
            this.current?.save_draft();
        }
    }
    /* The card on the screen stays this person's, with its draft; those behind it go back. */
    #leave() {
        for (const card of this.cards) {
            if (card === this.current || !card.is_untouched) {
                card.save_draft({ keepalive: true });
            } else {
                card.release();
            }
        }
    }

    get median() {
        const sorted = [...this.times].sort((a, b) => a - b);
        return sorted.length === 0 ? null : sorted[Math.floor((sorted.length - 1) / 2)];
    }

    /** How many answers wait for the engine to come back. */
    get unsent() {
        return this.cards.filter((card) => card.is_unsent).length;
    }

    /** Why there is no card on the screen, or null. */
    get problem() {
        return this.open_trouble ?? this.claim_trouble;
    }

    show(card) {
        this.#shows++;
        this.#opening = null;
        this.#is_hidden = false;
        if (card !== null) {
            this.is_loading = false;
        }
        if (this.current !== card) {
            this.current?.unseen();
            this.current = card;
        }
        if (card !== null && document.visibilityState === 'visible') {
            card.seen();
        }
        this.changed();
    }

    /** Off the screen, to another page: what nobody worked on goes back to the others. */
    hide() {
        this.#shows++;
        this.#opening = null;
        this.#is_hidden = true;
        this.is_loading = false;
        this.#give_back();
        if (this.current !== null) {
            this.current.unseen();
            this.current.save_draft();
            this.current = null;
        }
    }

    #give_back() {
        for (const card of this.cards) {
            if (card.state === 'open' && card.is_untouched) {
                card.release();
                this.#forget(card);
            }
        }
    }
    /* Cards that arrive when their person has left for another page are not kept from the others. */
    #arrived() {
        if (this.#is_hidden) {
            this.#give_back();
        }
    }

    /** Show a certain card, claimed for this person; or as it stands, if it cannot be. */
    async open(id) {
        if (this.#opening === id) {
            return; // a second claim would end the lease of the first
        }
        const held = this.cards.find((card) => card.id === id);
        if (held?.state === 'standing' && held.is_untouched) {
            this.#forget(held);
        } else if (held !== undefined) {
            this.show(held);
            this.fill();
            return;
        }
        this.is_loading = true;
        this.open_trouble = null;
        this.claim_trouble = null;
        this.show(null);
        this.#opening = id;
        const turn = this.#shows;
        let card = null, trouble = null;
        try {
            card = new Card(await api.post(`/v1/asks/${id}/claim`, {}));
            card.picture?.load();
            this.#forget_id(id); // claimed ahead meanwhile: this lease is the newer one
            this.cards.push(card);
        } catch (problem) {
            if (problem.status === 409) {
                card = await api.get(`/v1/asks/${id}`).then((ask) => new Card(ask), () => null);
                card?.lose(problem);
            }
            trouble = card === null ? problem : null;
        }
        if (turn !== this.#shows) {
            this.#arrived();
            return;
        }
        this.open_trouble = trouble;
        this.is_loading = false;
        this.show(card);
        this.fill();
    }

    /** Claim ahead until three are held. */
    async fill() {
        if (this.is_filling) {
            return this.is_filling;
        }
        const fresh = this.cards.filter((card) => card.state === 'open').length;
        if (fresh >= held_max) {
            return undefined;
        }
        this.is_filling = this.#claim(held_max - fresh).finally(() => {
            this.is_filling = null;
        });
        return this.is_filling;
    }

    async #claim(count) {
        try {
            const reply = await api.post('/v1/asks/next', {
                ...this.filter,
                exclude: [...new Set([...this.skipped, ...this.cards.map((card) => card.id)])].slice(-200),
                count,
            });
            const asks = reply?.items ?? [];
            for (const ask of asks) {
                if (!this.cards.some((card) => card.id === ask.id)) {
                    const card = new Card(ask);
                    this.cards.push(card);
                    card.picture?.load();
                }
            }
            this.is_empty = asks.length === 0;
            this.claim_trouble = null;
        } catch (problem) {
            this.claim_trouble = problem;
        }
        this.#arrived();
        this.changed();
    }

    /** The next card that waits, from `from` on; claims if there is none. */
    async next() {
        this.open_trouble = null;
        const ready = this.cards.find((card) => card.state === 'open' && card !== this.current);
        if (ready !== undefined) {
            this.show(ready);
            this.fill();
            return;
        }
        this.is_loading = true;
        this.show(null);
        const turn = this.#shows;
        await this.fill();
        if (turn !== this.#shows) {
            return; // the person went elsewhere meanwhile
        }
        this.is_loading = false;
        this.show(this.cards.find((card) => card.state === 'open') ?? null);
        this.fill();
    }

    /** See whether a card waits by now. Nobody asked for it: what is on the screen stays until one is there. */
    async look() {
        const turn = this.#shows;
        await this.fill();
        const ready = this.cards.find((card) => card.state === 'open');
        if (turn === this.#shows && ready !== undefined) {
            this.show(ready);
            this.fill();
        }
    }

    /** Card `step` further among those held; at the end one more is claimed. */
    async turn(step) {
        const held = this.cards.filter((card) => card.state === 'open' || card === this.current);
        const at = held.indexOf(this.current);
        const to = held[at + step];
        if (to !== undefined) {
            this.current?.save_draft();
            this.is_turning = true; // the next letter is a key again, not text
            this.show(to);
        } else if (step > 0) {
            this.say(this.is_empty ? 'No further card waits.' : 'This is the last card that is held for you.');
        } else {
            this.say('This is the first card.');
        }
    }

    #forget(card) {
        this.cards = this.cards.filter((one) => one !== card);
    }
    #forget_id(id) {
        this.cards = this.cards.filter((one) => one.id !== id);
    }

    /** Answer the card and go on. A refusal brings it back. */
    async answer(card, act, options) {
        if (card.state !== 'open') {
            return;
        }
        const obstacle = act === 'reject' ? null : card.obstacle;
        if (obstacle !== null) {
            card.ask_focus?.(obstacle);
            this.say(card.typed.has(obstacle) || card.blocked.has(obstacle) ? `${card.path_title(obstacle)}: ${card.flaws_at(obstacle)[0]}` : `${card.path_title(obstacle)} needs an answer.`, 'error');
            return;
        }
        this.toast = null;
        const sent = card.send(act, options, () => this.changed());
        if (options?.scope === 'twins') {
            this.#drop_twins(card);
        }
        const first = await Promise.race([sent, new Promise((done) => setTimeout(() => done(null), swap_wait_ms))]);
        const was_current = this.current === card;
        if (first === null && was_current) {
            await this.next();
        }
        const result = first ?? (await sent);
        if (result.ok !== undefined) {
            this.#forget(card);
            this.count++;
            this.open_count = Math.max(0, (this.open_count ?? 0) - 1);
            this.times.push(card.seconds);
            this.recount?.(); // the stream may have told of it before the reply did
            const entry = { card, reply: result.ok, act, left_ms: Date.parse(result.ok.undo_until) - Date.now() };
            this.answers.push(entry);
            const settled = options?.scope === 'twins' ? Number(result.ok.settled ?? 0) : 0;
            const word = act === 'reject' ? 'rejected' : card.edits.is_empty ? 'accepted' : 'corrected';
            this.say(`${card.ask.job.path} ${word}${settled > 0 ? `, and ${settled} alike` : ''}`, 'done', entry);
            if (this.current === card) {
                await this.next();
            } else {
                this.fill();
            }
            return;
        }
        if (this.current === card) {
            this.show(card);
            return;
        }
        this.#bring_back(card, result.refused !== undefined ? 'was refused' : lost_words[result.lost.code] ?? 'was answered by someone else');
    }

    /* What an answer for all alike settles need not be looked at. */
    #drop_twins(card) {
        this.settled_prints.add(card.ask.fingerprint);
        for (const other of [...this.cards]) {
            if (other !== card && other.is_untouched && other.ask.fingerprint === card.ask.fingerprint) {
                this.#forget(other);
            }
        }
    }

    /* A card that was left behind needs its person again. */
    #bring_back(card, what) {
        const other = this.current;
        if (other === null || other.is_untouched) {
            this.show(card);
        } else {
            this.conflicts.push({ card, what });
        }
        this.changed();
    }

    /** Put a card aside: back to the others, or asleep for a while. */
    async skip(card, seconds) {
        this.skipped.add(card.id);
        await card.save_draft();
        try {
            if (seconds === 0) {
                await api.post(`/v1/asks/${card.id}/release`, { fence: card.fence });
            } else {
                await api.post(`/v1/asks/${card.id}/snooze`, { fence: card.fence, seconds });
            }
        } catch (problem) {
            this.say(`${card.ask.job.path} could not be put aside: ${problem.message}`, 'error');
        }
        card.state = 'aside';
        this.#forget(card);
        this.say(`${card.ask.job.path} ${seconds === 0 ? 'given back' : 'put aside'}`);
        await this.next();
    }

    /** Leave a card that stands answered by another one. */
    async drop(card) {
        this.#forget(card);
        this.skipped.add(card.id);
        await this.next();
    }

    /** Take the latest answer back: the card is open again, with what was typed. Returns it, or null. */
    async undo() {
        const entry = this.answers.pop();
        if (entry === undefined) {
            this.say('There is nothing to undo.');
            return null;
        }
        const { card, reply } = entry;
        try {
            await api.post(`/v1/asks/${card.id}/undo`, { event: reply.event });
            const ask = await api.post(`/v1/asks/${card.id}/claim`, {});
            const again = new Card(ask);
            again.spend(card.seconds); // what stands in the end took both
            for (const [pointer, value] of card.edits.values) {
                again.set(pointer, value);
            }
            card.edits.removed.forEach((pointer) => again.remove_row(pointer));
            this.count = Math.max(0, this.count - 1);
            this.open_count = (this.open_count ?? 0) + 1;
            this.times.pop();
            this.recount?.();
            this.#forget_id(card.id); // claimed as the next one meanwhile: this lease is the newer one
            this.cards.unshift(again);
            this.say(`${ask.job.path} is open again`);
            this.show(again);
            return again;
        } catch (problem) {
            this.say(`Not undone: ${problem.message}`, 'error');
            return null;
        }
    }

    say(text, kind = 'note', entry = null) {
        clearTimeout(this.toast?.timer);
        const toast = { text, kind, entry };
        toast.timer = setTimeout(() => {
            if (this.toast === toast) {
                this.toast = null;
                this.changed();
            }
        }, kind === 'error' ? 12000 : entry === null ? 4000 : Math.min(Math.max(entry.left_ms || undo_ms, 4000), undo_most_ms));
        this.toast = toast;
        this.changed();
    }

    /** Somebody took or left a card: a card that another one held may be free now. */
    heard_lease(name, { ask }) {
        const card = this.cards.find((one) => one.id === ask) ?? (this.current?.id === ask ? this.current : undefined);
        if (card?.state === 'standing') {
            card.look_again();
        }
    }

    /** Something happened to a job; if a card of it is held here, see whether it still waits. */
    async heard({ job, kind }) {
        const card = this.cards.find((one) => one.ask.job.id === job);
        if (card === undefined) {
            return;
        }
        if (card.state === 'standing') {
            card.look_again();
        } else if (card.state === 'open' && kind !== 'ask') {
            const ask = await api.get(`/v1/asks/${card.id}`).catch(() => null);
            if (ask === null || ask.state === 'open' || card.state !== 'open') {
                return;
            }
            if (card === this.current && card.is_untouched && this.settled_prints.has(card.ask.fingerprint)) {
                this.#forget(card); // by this person's own answer for all alike
                await this.next();
            } else if (card === this.current || !card.is_untouched) {
                card.lose({ code: ask.state, standing: ask.answer });
            } else {
                this.#forget(card);
            }
            this.changed();
        }
    }
}
