// SPDX-License-Identifier: MIT
// One question on its way to an answer: what was shown, what a person made of it, and the lease,
// the draft and the reply that belong to it.
import * as api from './api.js';
import { image_of, in_order, questions_document, rules_of, text_of } from './ask.js';
import { boxes_find } from './boxes.js';
import { Edits, as_text } from './edits.js';
import { is_number, is_object } from './json.js';
import { get, is_below, join, parent, split } from './pointer.js';
import { rule_flaw, rule_read } from './rule.js';
import { kind_of, schema_at, title_of, value_read } from './schema.js';
import { Store } from './store.js';

const draft_wait_ms = 400;
const away_wait_ms = 1500;

/* What is asked about a document that has one place alone is asked about that place. */
function lone_place(document) {
    const names = is_object(document) ? Object.keys(document) : [];
    return names.length === 1 && (typeof document[names[0]] !== 'object' || is_number(document[names[0]])) ? join('', names[0]) : '';
}

export class Card extends Store {
    #dirty = new Set();
    #draft_timer = 0;
    #draft_flight = null;
    #seconds_before = 0;
    #seen_since = null;
    #key = null;
    static #count = 0;

    constructor(ask) {
        super();
        this.serial = ++Card.#count; // one question may be claimed twice
        this.load(ask);
    }

    /** Begin with an ask as the engine tells it; a draft in it is put back. */
    load(ask) {
        this.ask = { ...ask, text: text_of(ask) };
        this.picture ??= image_of(ask, () => this.changed());
        this.id = ask.id;
        this.asked_places = null;
        this.natural = this.natural ?? null; // pixels of the image as it arrived, where nobody told its size
        this.is_gate = ask.origin === 'gate' && ask.subject !== undefined && ask.subject !== null;
        this.schema = this.is_gate ? ask.schema ?? null : null;
        this.edits = new Edits(this.is_gate ? ask.subject : questions_document(ask));
        this.lone = this.is_gate ? lone_place(ask.subject) : '';
        this.#take_lease(ask);
        this.typed = new Map(); // texts that are no value yet
        this.flaws = new Map(); // pointer → messages of the engine
        this.overrides = new Map(); // pointer → reason
        this.blocked = new Map(); // pointer → why the card cannot be sent with it
        this.passed = new Set(); // doubtful places a person has left behind
        this.state = 'open'; // sending | answered | standing
        this.notice = null;
        this.standing = null;
        this.focus = null;
        this.is_wide = false;
        this.boxes = this.is_gate ? boxes_find(ask.subject, this.schema) : null;
        this.rules = rules_of(ask, this.edits.shown);
        this.draft_state = 'none'; // saving | saved | away
        for (const [name, value] of Object.entries(ask.draft?.values ?? {})) {
            this.#put_back(this.pointer_from(name), value);
        }
        for (const pointer of ask.draft?.removed ?? []) {
            this.edits.removed.add(pointer);
        }
        if (ask.draft && !(this.edits.is_empty && this.typed.size === 0)) {
            this.draft_state = 'saved';
        }
    }

    #put_back(pointer, value) {
        const kind = this.kind(pointer);
        if (kind === 'number' && typeof value === 'string') {
            this.typed.set(pointer, value);
        } else {
            this.edits.set(pointer, value);
        }
    }

    /* A gate's values go by pointer, other questions' by key; drafts of a part of one by pointer. */
    #to_wire(pointer) {
        const parts = split(pointer);
        return this.is_gate || parts.length > 1 ? pointer : parts[0];
    }
    /** The place that the engine's name of it means. */
    pointer_from(name) {
        const is_key = !this.is_gate && (!name.startsWith('/') || this.ask.questions.some(({ key }) => key === name));
        return is_key ? join('', name) : name;
    }

    // ---- places ----

    /** Questions about a place, itself or below it. */
    questions_at(pointer) {
        return this.ask.questions.filter((question) => this.pointer_of(question) === pointer);
    }
    pointer_of(question) {
        return this.is_gate ? question.pointer || this.lone : join('', question.key);
    }
    schema_of(pointer) {
        if (!this.is_gate) {
            const [key, ...rest] = split(pointer);
            const question = this.ask.questions.find((one) => one.key === key);
            return schema_at(question?.schema ?? null, rest.reduce(join, ''));
        }
        const own = this.ask.questions.find((one) => one.pointer === pointer && one.schema);
        const base = schema_at(this.schema, pointer);
        return own ? { ...base, ...own.schema } : base;
    }
    context_of(pointer) {
        return this.questions_at(pointer).find((question) => question.context)?.context ?? null;
    }
    /** The members of an object: in the order of its schema, which a person chose, then the others. */
    members(pointer) {
        const value = this.edits.value(pointer);
        const names = [...Object.keys(this.schema_of(pointer).properties ?? {}), ...(is_object(value) ? Object.keys(value) : [])];
        return [...new Set(names)].map((name) => join(pointer, name));
    }
    kind(pointer) {
        return kind_of(this.schema_of(pointer), get(this.edits.shown, pointer) ?? this.edits.value(pointer), this.context_of(pointer));
    }
    title(pointer) {
        const question = this.is_gate ? null : this.questions_at(pointer)[0];
        return question && !this.schema_of(pointer).title ? question.question : title_of(this.schema_of(pointer), pointer);
    }
    /** "/line_items/0/quantity" → "Line items 1 › Quantity" */
    path_title(pointer) {
        if (!this.is_gate) {
            return this.title(pointer);
        }
        let at = '', words = [];
        for (const part of split(pointer)) {
            at = join(at, part);
            if (/^[0-9]+$/.test(part) && words.length > 0) {
                words.push(`${words.pop()} ${Number(part) + 1}`);
            } else {
                words.push(this.title(at));
            }
        }
        return words.join(' › ') || 'The whole document';
    }
    confidence(pointer) {
        const told = this.ask.confidence?.[pointer] ?? this.questions_at(pointer).find((one) => one.confidence !== undefined)?.confidence;
        return told === undefined || told === null || this.edits.is_changed(pointer) ? null : Number(told);
    }
    /** Where a value was read: at its pointer, or the nearest place above or below that has one. */
    place(pointer) {
        const places = this.ask.places ?? {};
        if (places[pointer]) {
            return places[pointer];
        }
        const asked = this.questions_at(pointer).find((one) => one.place);
        if (asked) {
            return asked.place;
        }
        for (let at = pointer; at !== ''; ) {
            at = parent(at);
            if (places[at]) {
                return places[at];
            }
        }
        return null;
    }
    /** Whether a place is one of the picture that is shown. */
    is_own(place) {
        const { image } = this.ask;
        return !place.artifact || !image?.artifact || place.artifact === image.artifact;
    }
    /** Pointers of what is asked, in the order of the document, each once. */
    get doubtful() {
        this.asked_places ??= in_order([...new Set(this.ask.questions.map((question) => this.pointer_of(question)))], this);
        return this.asked_places;
    }
    /** A question that is about no document asks for all that its schema has. */
    is_asked(pointer) {
        return this.ask.questions.some((question) => {
            const at = this.pointer_of(question);
            return at === pointer || (!this.is_gate && is_below(pointer, at));
        });
    }
    /** A part of a question that its schema does not insist on. */
    is_optional(pointer) {
        const [, ...inside] = split(pointer);
        return !this.is_gate && inside.length > 0 && !(this.schema_of(parent(pointer)).required ?? []).includes(inside.pop());
    }
    /** Why a row as a whole is asked, for its cells. */
    is_asked_above(pointer) {
        return this.ask.questions.some((question) => {
            const at = this.pointer_of(question);
            return at !== '' && at !== pointer && is_below(pointer, at);
        });
    }

    /** Pixels of the displayed image: as the engine tells, else as it arrived. */
    get size() {
        return this.picture?.size ?? this.natural;
    }

    /** The place whose origin is lit. */
    set_focus(pointer) {
        if (this.focus !== pointer) {
            this.focus = pointer;
            const place = pointer === null ? null : this.place(pointer);
            if (place && this.is_own(place)) {
                this.picture?.turn(Number(place.page ?? 0));
            }
            this.changed();
        }
    }

    // ---- changes ----

    text(pointer) {
        return this.typed.get(pointer) ?? as_text(this.edits.value(pointer));
    }
    type(pointer, text) {
        const kind = this.kind(pointer);
        const read = value_read(kind === 'json' ? 'text' : kind, this.schema_of(pointer), text);
        if (read.flaw !== undefined) {
            this.typed.set(pointer, text);
            this.#dirty.add(pointer);
            this.#after_change(pointer);
        } else {
            this.set(pointer, read.value);
        }
    }
    set(pointer, value) {
        this.typed.delete(pointer);
        this.edits.set(pointer, value);
        this.#dirty.add(pointer);
        this.#after_change(pointer);
    }
    /** Move or resize the box of a row; what it does not change keeps its text. */
    set_box(pointer, box) {
        const { shape } = this.boxes;
        const row = shape.write(this.edits.value(pointer), box);
        this.blocked.delete(pointer);
        for (const at of shape.pointers) {
            this.set(pointer + at, get(row, at));
        }
    }
    block(pointer, message) {
        this.blocked.set(pointer, message);
        this.changed();
    }
    reset(pointer) {
        this.blocked.delete(pointer);
        for (const at of [...this.typed.keys(), ...this.edits.values.keys()]) {
            if (is_below(at, pointer)) {
                this.#dirty.add(at);
                this.typed.delete(at);
            }
        }
        this.edits.reset(pointer);
        this.#after_change(pointer);
    }
    add_row(pointer, value) {
        const at = this.edits.add(pointer, value);
        this.#dirty.add(at);
        this.#after_change(at);
        return at;
    }
    remove_row(pointer) {
        const before = new Set(this.edits.values.keys());
        this.edits.remove(pointer);
        this.blocked.delete(pointer);
        for (const at of [...before, ...this.edits.values.keys()]) {
            if (is_below(at, parent(pointer))) {
                this.#dirty.add(at);
            }
        }
        this.typed.forEach((unused, at) => is_below(at, pointer) && this.typed.delete(at));
        this.#after_change(pointer);
    }
    restore_row(pointer) {
        this.edits.restore(pointer);
        this.#after_change(pointer);
    }
    #after_change(pointer) {
        this.#key = null; // another answer than the one that was sent
        for (const at of [...this.flaws.keys()]) {
            if (is_below(pointer, at) || is_below(at, pointer)) {
                this.flaws.delete(at);
            }
        }
        if (this.notice?.kind === 'error') {
            this.notice = null; // it was about what stood here before
        }
        this.draft_state = 'saving';
        clearTimeout(this.#draft_timer);
        this.#draft_timer = setTimeout(() => this.save_draft(), draft_wait_ms);
        this.changed();
    }

    /** What is wrong at a place: typed text, the engine's words, rules as they stand now. */
    flaws_at(pointer) {
        const result = [];
        if (this.typed.has(pointer)) {
            const kind = this.kind(pointer);
            result.push(value_read(kind, this.schema_of(pointer), this.typed.get(pointer)).flaw ?? 'This does not read.');
        }
        if (this.blocked.has(pointer)) {
            result.push(this.blocked.get(pointer));
        }
        result.push(...(this.flaws.get(pointer) ?? []).map((flaw) => flaw.message));
        return result;
    }
    /** What rules say about an item of a list, as it stands now. */
    rule_flaws_at(pointer) {
        if (this.edits.removed.has(pointer)) {
            return [];
        }
        const document = this.edits.document();
        const item = this.edits.value(pointer);
        return this.rules
            .filter(({ each, is_only_marked }) => !is_only_marked && (each === null ? pointer === '' : parent(pointer) === each))
            .map(({ rule, tolerance }) => rule_flaw(rule, pointer === '' ? document : item, document, tolerance))
            .filter((flaw) => flaw !== null);
    }

    // ---- lease and draft ----

    /** Send what changed since the last time. Returns when it is kept, or could not be. */
    async save_draft({ keepalive = false } = {}) {
        clearTimeout(this.#draft_timer);
        if (this.#draft_flight !== null && !keepalive) {
            await this.#draft_flight;
        }
        if (this.#dirty.size === 0 && this.draft_state !== 'saving') {
            return;
        }
        if (this.state !== 'open' || this.fence === null) {
            return;
        }
        const dirty = [...this.#dirty];
        this.#dirty.clear();
        const values = Object.create(null);
        for (const pointer of dirty) {
            values[this.#to_wire(pointer)] = this.typed.get(pointer) ?? (this.edits.values.has(pointer) ? this.edits.values.get(pointer) : null);
        }
        const body = { fence: this.fence, values, removed: [...this.edits.removed] };
        this.#draft_flight = api.put(`/v1/asks/${this.id}/draft`, body, { keepalive })
            .then(() => {
                this.draft_state = this.#dirty.size > 0 ? 'saving' : 'saved';
            })
            .catch((problem) => {
                dirty.forEach((pointer) => this.#dirty.add(pointer));
                this.draft_state = 'away';
                if (problem.is_away) {
                    this.#draft_timer = setTimeout(() => this.save_draft(), away_wait_ms);
                } else if (problem.status === 409) {
                    // The reply to an answer that is on its way tells more.
                    return this.state === 'open' ? this.lose(problem) : undefined;
                } else {
                    this.notice = { kind: 'error', text: `The draft was not kept: ${problem.message}` };
                }
                return undefined;
            })
            .finally(() => {
                this.#draft_flight = null;
                this.changed();
            });
        await this.#draft_flight;
    }

    /** Take the card back from wherever it is held now. */
    async claim_again() {
        try {
            const ask = await api.post(`/v1/asks/${this.id}/claim`, {});
            if (ask.version !== this.ask.version) {
                this.lose({ code: 'stale_version', standing: ask.answer, message: 'it was answered and opened again meanwhile' });
                return;
            }
            this.#take_lease(ask);
            this.state = 'open';
            this.notice = null;
            this.draft_state = 'saving';
            this.edits.values.forEach((unused, pointer) => this.#dirty.add(pointer));
            this.#draft_timer = setTimeout(() => this.save_draft(), draft_wait_ms);
        } catch (problem) {
            this.lose(problem);
        }
        this.changed();
    }
    #take_lease(ask) {
        this.fence = ask.lease?.fence ?? ask.fence ?? null;
        const length_ms = Date.parse(ask.lease?.until) - Date.now();
        this.heartbeat_ms = Math.min(20000, Math.max(500, (Number.isFinite(length_ms) ? length_ms : 60000) / 3));
        this.heartbeat_at = Date.now() + this.heartbeat_ms;
    }

    /** Keep the lease. A lease that is lost was taken by another one: it is never taken back unasked. */
    async heartbeat() {
        if (this.state !== 'open' || this.fence === null || Date.now() < this.heartbeat_at) {
            return;
        }
        this.heartbeat_at = Date.now() + this.heartbeat_ms;
        try {
            await api.post(`/v1/asks/${this.id}/heartbeat`, { fence: this.fence });
        } catch (problem) {
            if ((problem.status === 409 || problem.status === 404) && this.state === 'open') {
                this.lose(problem);
            }
        }
    }

    /** An answer that the engine was not there to take, and that is sent again. */
    get is_unsent() {
        return this.state === 'sending' && this.notice?.kind === 'wait';
    }

    /** Nobody's work is in it. */
    get is_untouched() {
        return this.edits.is_empty && this.typed.size === 0;
    }

    async release() {
        if (this.fence !== null && this.state === 'open') {
            await api.post(`/v1/asks/${this.id}/release`, { fence: this.fence }, { keepalive: true }).catch(() => {});
        }
    }

    /** Another one was first, or holds it: both versions are shown, mine is kept. */
    async lose(problem) {
        clearTimeout(this.#draft_timer);
        this.state = 'standing';
        this.notice = null;
        const told = problem.standing ?? null;
        this.standing = {
            code: problem.code,
            answer: told === null || told.state === 'open' ? null : told,
            holder: told?.lease?.by ?? problem.body?.holder ?? null,
            until: told?.lease?.until ?? problem.body?.until ?? null,
        };
        this.changed();
        await this.look_again();
    }

    /** What stands now, of a card that is another's or answered. */
    async look_again() {
        const now = await api.get(`/v1/asks/${this.id}`).catch(() => null);
        if (now !== null && this.state === 'standing') {
            this.standing = {
                ...this.standing,
                answer: now.answer ?? this.standing.answer,
                state: now.state,
                holder: now.lease?.by ?? this.standing.holder,
                until: now.lease?.until ?? this.standing.until,
                is_mine: now.lease?.mine ?? false,
            };
            this.changed();
        }
    }

    // ---- time ----

    /** Seconds count while the card is on the screen of a visible page. */
    seen() {
        this.#seen_since ??= performance.now();
    }
    unseen() {
        if (this.#seen_since !== null) {
            this.#seconds_before += (performance.now() - this.#seen_since) / 1000;
            this.#seen_since = null;
        }
    }
    /** Seconds of before. */
    spend(seconds) {
        this.#seconds_before += seconds;
    }
    get seconds() {
        return this.#seconds_before + (this.#seen_since === null ? 0 : (performance.now() - this.#seen_since) / 1000);
    }

    // ---- the answer ----

    /** The first place that keeps the card from being sent, or null. */
    get obstacle() {
        for (const pointer of [...this.typed.keys(), ...this.blocked.keys()]) {
            return pointer;
        }
        if (!this.is_gate) {
            return this.doubtful.find((pointer) => this.edits.value(pointer) === undefined || this.edits.value(pointer) === null &&
                !this.edits.values.has(pointer)) ?? null;
        }
        return null;
    }

    answer_body(act, { reason, scope } = {}) {
        const { values: wire, removed } = this.is_gate ? this.edits.answer() : { values: this.edits.document(), removed: [] };
        const is_set = act !== 'reject' && (Object.keys(wire).length > 0 || removed.length > 0 || this.overrides.size > 0);
        this.#key ??= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
        return {
            version: this.ask.version,
            fence: this.fence ?? undefined,
            act: act === 'reject' ? 'reject' : is_set ? 'set' : 'accept',
            values: act === 'reject' ? {} : wire,
            removed: act === 'reject' ? [] : removed,
            overrides: Object.fromEntries(this.overrides),
            reason,
            seconds: Number(this.seconds.toFixed(1)),
            idempotency_key: this.#key,
            scope,
        };
    }

    /** Send. Resolves to {ok: reply} | {refused} | {lost}; while the engine is away it tries again,
     *  and tells on_wait(). */
    async send(act, options, on_wait) {
        clearTimeout(this.#draft_timer);
        this.state = 'sending';
        this.unseen();
        this.flaws.clear();
        this.changed();
        const body = this.answer_body(act, options);
        for (;;) {
            try {
                const reply = await api.post(`/v1/asks/${this.id}/answer`, body, { key: body.idempotency_key });
                this.state = 'answered';
                this.notice = null;
                this.#dirty.clear();
                this.changed();
                return { ok: reply };
            } catch (problem) {
                if (problem.is_away) {
                    this.notice = { kind: 'wait', text: 'The engine does not answer. The answer is kept here and sent again.' };
                    on_wait?.();
                    this.changed();
                    await new Promise((done) => setTimeout(done, away_wait_ms));
                } else if (problem.status === 409) {
                    this.lose(problem);
                    return { lost: problem };
                } else {
                    this.#key = null;
                    this.state = 'open';
                    this.notice = { kind: 'error', text: problem.message };
                    for (const flaw of problem.errors) {
                        const pointer = this.pointer_from(flaw.pointer ?? '');
                        this.flaws.set(pointer, [...(this.flaws.get(pointer) ?? []), flaw]);
                        this.#learn_rule(flaw);
                    }
                    this.changed();
                    return { refused: problem };
                }
            }
        }
    }

    /* A refusal in the words of an arithmetic rule, "LEFT = 150.00, RIGHT = 15.00": its names are marked
       from now on. Whether it is "==" or "<=" is not said, so it is not checked while typing. */
    #learn_rule(flaw) {
        const words = /^(.+) = -?[0-9.e+-]+, (.+) = -?[0-9.e+-]+$/.exec(flaw.message ?? '');
        const rule = flaw.rule === 'ARITHMETIC' && words !== null ? rule_read(`${words[1]} == ${words[2]}`) : null;
        const each = /\/[0-9]+$/.test(flaw.pointer ?? '') ? parent(flaw.pointer) : null;
        if (rule !== null && !this.rules.some((known) => known.each === each && String(known.rule.names) === String(rule.names))) {
            this.rules.push({ rule, each, tolerance: 0, is_only_marked: true });
        }
    }
}
