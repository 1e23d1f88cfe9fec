// SPDX-License-Identifier: MIT
// One card filling the screen: what it is about at left, the form at right, the keys over both.
import { Component, createRef } from 'preact';
import { box_from, box_move, box_resize, box_row, page_of } from './boxes.js';
import { boxes_shown } from './box_list.js';
import { CustomForm, is_form } from './custom_form.js';
import { ReasonDialog, SkipDialog } from './dialog.js';
import { html, ago, classes, is_typing, plural } from './dom.js';
import { Form, focus_field, stops } from './form.js';
import { is_below, join } from './pointer.js';
import { Standing } from './standing.js';
import { TextSource } from './text_source.js';
import { Viewer } from './viewer.js';

export class CardView extends Component {
    panel = createRef();
    state = { selected: null, tool: null, dialog: null, custom: null, scope: false };

    componentDidMount() {
        this.unwatch = this.props.card.watch(() => this.setState({}));
        this.props.card.ask_focus = (pointer) => this.focus(pointer);
        addEventListener('keydown', this.on_key);
        addEventListener('pointerdown', this.settle, true);
        this.begin();
    }
    componentWillUnmount() {
        this.unwatch();
        removeEventListener('keydown', this.on_key);
        removeEventListener('pointerdown', this.settle, true);
        cancelAnimationFrame(this.frame);
    }

    /* The first frame shows the card, then its first place gets the focus. */
    begin() {
        const { card, queue } = this.props;
        const is_turning = queue.is_turning;
        queue.is_turning = false;
        const error = [...card.flaws.keys()].find((pointer) => pointer !== '');
        const first = card.doubtful.find((pointer) => pointer !== '') ?? '';
        this.wanted = is_turning || card.state !== 'open' ? null : error ?? first;
        this.focus_before = document.activeElement;
        cancelAnimationFrame(this.frame);
        this.frame = requestAnimationFrame(this.settle);
    }
    /* What comes before that frame, a key or a click, finds the focus where it would be behind it: no
       frame takes it away again, nor from a place that was chosen since. Returns whether it was put
       there now. */
    settle = () => {
        if (this.frame === undefined) {
            return false;
        }
        cancelAnimationFrame(this.frame);
        this.frame = undefined;
        const here = document.activeElement;
        if (here !== this.focus_before && this.panel.current.contains(here)) {
            return false;
        }
        if (this.wanted === null || !(document.querySelector('dialog[open]') || this.focus(this.wanted))) {
            this.panel.current.focus();
        }
        return true;
    };
    componentDidUpdate() {
        const { card } = this.props;
        if (this.last_state !== card.state) {
            const was = this.last_state;
            this.last_state = card.state;
            if (was === 'sending' && card.state === 'open') {
                this.begin(); // it was refused: to what is wrong
            }
        }
    }

    focus(pointer) {
        const { card } = this.props;
        if (pointer === null) {
            return false;
        }
        if (card.boxes !== null && pointer !== card.boxes.pointer && is_below(pointer, card.boxes.pointer)) {
            const row = card.edits.rows(card.boxes.pointer).find((one) => is_below(pointer, one.pointer));
            if (row !== undefined && card.blocked.has(row.pointer)) {
                this.setState({ selected: row.pointer }, () => focus_number(row.pointer));
                return true;
            }
            return row !== undefined && focus_field(row.pointer);
        }
        return focus_field(pointer);
    }

    // ---- boxes ----

    get size() {
        return this.props.card.size ?? { width: 1e6, height: 1e6 }; // not known: nothing to clamp to
    }
    select = (pointer) => {
        if (this.state.selected !== pointer) {
            this.setState({ selected: pointer });
        }
        if (pointer !== null) {
            const { card } = this.props;
            card.set_focus(pointer);
            card.picture?.turn(page_of(card.edits.value(pointer)));
        }
    };
    add_box(box) {
        const { card } = this.props;
        const rows = card.edits.rows(card.boxes.pointer);
        const at = card.add_row(card.boxes.pointer, box_row(card.boxes, rows, box, card.boxes.labels[0] ?? 'object', card.picture?.page ?? 0));
        this.setState({ selected: at, tool: null });
        return at;
    }
    on_draw = (from, to) => {
        const { width, height } = this.size;
        const at = this.add_box(box_from(from, to, width, height));
        if ([from, to].some(([x, y]) => x < -1 || y < -1 || x > width + 1 || y > height + 1)) {
            this.props.queue.say(`The box is clamped to the image of ${width} × ${height} pixels.`);
        }
        setTimeout(() => focus_field(at));
    };
    /* A box without a drag: in the middle of what is seen, its numbers have the focus. */
    place_box = () => {
        const { width, height } = this.size;
        const is_known = this.props.card.size !== null;
        const [x, y] = (is_known && this.viewer?.middle) || [40, 40];
        const half = is_known ? Math.max(4, Math.round(Math.min(width, height) / 16)) : 40;
        const at = this.add_box(box_from([x - half, y - half], [x + half, y + half], width, height));
        setTimeout(() => focus_number(at));
    };
    on_box_drag = (kind, pointer, box, edges, dx, dy) => {
        const { width, height } = this.size;
        this.props.card.set_box(pointer, kind === 'move' ? box_move(box, dx, dy, width, height) : box_resize(box, edges, dx, dy, width, height));
    };
    on_tool = (tool) => {
        this.setState({ tool });
        if (tool === null) {
            this.viewer?.cancel_draft();
        }
    };

    on_region = (pointer) => {
        if (this.props.card.boxes && is_below(pointer, this.props.card.boxes.pointer)) {
            this.select(pointer);
        }
        this.focus(pointer);
    };

    // ---- keys ----

    on_key = (event) => {
        const { card } = this.props;
        if (document.querySelector('dialog[open]') || event.defaultPrevented || event.isComposing) {
            return;
        }
        const target = this.settle() ? document.activeElement : event.target;
        const typing = is_typing(target);
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            this.submit('accept');
        } else if (event.key === 'Tab' && !event.ctrlKey && !event.altKey && !card.is_wide) {
            this.on_tab(event);
        } else if (event.key === 'Escape') {
            this.on_escape(event);
        } else if (event.key === 'Enter' && !event.shiftKey && !event.altKey) {
            this.on_enter(event, target, typing);
        } else if (!typing && !event.ctrlKey && !event.metaKey && this.on_command(event, target)) {
            event.preventDefault();
        }
    };

    on_tab(event) {
        const list = stops(this.panel.current);
        const here = document.activeElement;
        const is_behind = (one) => here.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING;
        const is_before = (one) => here.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_PRECEDING;
        if (!this.panel.current.contains(here) && here !== document.body) {
            return; // the image and the bars keep the browser's own order
        }
        const from_top = here === document.body || here === this.panel.current;
        const next = event.shiftKey ? (from_top ? undefined : list.filter(is_before).pop()) : from_top ? list[0] : list.find((one) => one !== here && is_behind(one));
        if (next !== undefined && next !== here) {
            event.preventDefault();
            next.focus();
            next.select?.();
        }
    }

    on_escape(event) {
        if (this.state.tool !== null) {
            this.on_tool(null);
            event.preventDefault();
        } else if (this.panel.current.contains(document.activeElement) && document.activeElement !== this.panel.current) {
            this.panel.current.focus();
            event.preventDefault();
        } else if (this.state.selected !== null) {
            this.setState({ selected: null });
        }
    }

    on_enter(event, target, typing) {
        const { card } = this.props;
        if (target instanceof HTMLTextAreaElement || (target instanceof HTMLAnchorElement) || (target instanceof HTMLSelectElement)) {
            return;
        }
        if (target.matches?.('.choose')) {
            event.preventDefault();
            this.go_on(target);
            return;
        }
        if (target instanceof HTMLButtonElement) {
            return;
        }
        event.preventDefault();
        if (target.matches?.('[data-number]')) {
            target.blur();
            focus_field(this.state.selected);
            return;
        }
        if (card.state !== 'open') {
            return;
        }
        if (typing || target.matches?.('[data-field]')) {
            this.go_on(target);
        } else {
            this.submit('accept');
        }
    }

    /* This place is right: to the next one, and behind the last one the card is done. */
    go_on(from) {
        const { card } = this.props;
        const pointer = from.dataset.field;
        if (pointer !== undefined && card.typed.has(pointer)) {
            this.props.queue.say(card.flaws_at(pointer)[0], 'error');
            return;
        }
        card.passed.add(pointer);
        const list = stops(this.panel.current);
        const next = list.find((one) => one !== from && from.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
        const left = next ?? list.find((one) => one !== from && !card.passed.has(one.dataset.field));
        if (left !== undefined) {
            left.focus();
            left.select?.();
        } else {
            this.submit('accept');
        }
    }

    on_command(event, target) {
        const { card, queue } = this.props;
        const { key } = event;
        const box = this.state.selected === null || card.boxes === null || card.state !== 'open' ? null
            : card.edits.rows(card.boxes.pointer).find((row) => row.pointer === this.state.selected);
        if (box && this.on_box_key(event, box)) {
            return true;
        }
        const arrows = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
        if (arrows[key] && this.viewer && !event.altKey && !(target.closest?.('.panel') && target !== this.panel.current)) {
            this.viewer.pan(...arrows[key]);
            return true;
        }
        if (event.altKey) {
            return false;
        }
        const is_letter = /^[a-z]$/i.test(key);
        if (is_letter && !this.props.letters) {
            return false;
        }
        const is_open = card.state === 'open';
        const commands = {
            s: is_open && (() => this.setState({ dialog: 'skip' })),
            r: is_open && (() => this.setState({ dialog: 'reject' })),
            u: () => queue.undo(),
            j: () => queue.turn(1),
            k: () => queue.turn(-1),
            e: () => this.widen(),
            t: is_open && card.ask.fingerprint && (() => this.setState({ scope: !this.state.scope })),
            b: is_open && card.boxes && (!card.picture || card.picture.page === 0 || card.boxes.has_pages) && (() => (this.state.tool === 'draw' ? (this.on_tool(null), this.place_box()) : this.on_tool('draw'))),
            f: this.viewer && (() => this.viewer.fit()),
            pagedown: card.picture?.pages > 1 && (() => card.picture.turn(card.picture.page + 1)),
            pageup: card.picture?.pages > 1 && (() => card.picture.turn(card.picture.page - 1)),
            '+': this.viewer && (() => this.viewer.zoom(1.25)),
            '=': this.viewer && (() => this.viewer.zoom(1.25)),
            '-': this.viewer && (() => this.viewer.zoom(1 / 1.25)),
            0: this.viewer && (() => this.viewer.actual()),
            ']': this.viewer && (() => this.viewer.turn(90)),
            '[': this.viewer && (() => this.viewer.turn(-90)),
        };
        const command = commands[key.toLowerCase()];
        if (command) {
            command();
            return true;
        }
        return false;
    }

    on_box_key(event, row) {
        const { card } = this.props;
        const { key } = event;
        const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
        if (key === 'Delete' || key === 'Backspace') {
            if (row.is_removed) {
                card.restore_row(row.pointer);
            } else {
                card.remove_row(row.pointer);
                if (row.is_added) {
                    this.setState({ selected: null });
                    this.panel.current.focus();
                }
            }
            return true;
        }
        if (row.is_removed) {
            return false;
        }
        if (steps[key]) {
            const by = event.shiftKey ? 10 : 1;
            const [dx, dy] = steps[key].map((part) => part * by);
            const box = card.boxes.shape.read(row.value), { width, height } = this.size;
            if (event.altKey) {
                const [ex, ey] = steps[key]; // an edge goes by single pixels; Shift says which one
                card.set_box(row.pointer, box_resize(box, event.shiftKey ? 'wn' : 'es', ex, ey, width, height));
            } else {
                card.set_box(row.pointer, box_move(box, dx, dy, width, height));
            }
            return true;
        }
        if (key.toLowerCase() === 'n' && !event.altKey) {
            focus_number(row.pointer);
            return true;
        }
        const label = /^[1-9]$/.test(key) ? card.boxes.labels[Number(key) - 1] : undefined;
        if (label !== undefined && !event.altKey) {
            card.set(join(row.pointer, card.boxes.label_name), label);
            return true;
        }
        return false;
    }

    widen() {
        const { card } = this.props;
        card.is_wide = !card.is_wide;
        card.changed();
    }

    submit = (act, options) => {
        const { card, queue } = this.props;
        if (document.activeElement instanceof HTMLElement && document.activeElement.matches('[data-number]')) {
            document.activeElement.blur(); // takes what stands in it
        }
        queue.answer(card, act, { ...options, scope: this.state.scope ? 'twins' : undefined });
    };

    // ---- drawing ----

    regions() {
        const { card } = this.props;
        const result = [];
        const seen = new Set();
        const add = (pointer, place, kind) => {
            if (place && !seen.has(pointer) && Number(place.page ?? 0) === card.picture?.page && card.is_own(place)) {
                seen.add(pointer);
                result.push({ pointer, kind, place: numbers_of(place) });
            }
        };
        for (const pointer of card.doubtful) {
            if (!(card.boxes && is_below(pointer, card.boxes.pointer))) {
                add(pointer, card.place(pointer), 'asked');
            }
        }
        for (const [pointer, place] of Object.entries(card.ask.places ?? {})) {
            if (!(card.boxes && is_below(pointer, card.boxes.pointer))) {
                add(pointer, place, card.focus === pointer ? 'known' : 'quiet');
            }
        }
        return result;
    }
    lit() {
        const { card } = this.props;
        if (card.focus === null) {
            return null;
        }
        if (card.boxes && is_below(card.focus, card.boxes.pointer)) {
            return null;
        }
        const place = card.place(card.focus);
        if (!place || !card.is_own(place) || Number(place.page ?? 0) !== card.picture?.page) {
            return null;
        }
        if (this.lit_of !== place) {
            this.lit_of = place;
            this.lit_place = numbers_of(place);
        }
        return this.lit_place;
    }

    source() {
        const { card } = this.props;
        const { picture } = card;
        if (picture !== null) {
            if (picture.problem !== null || !picture.is_ready) {
                return this.no_picture(picture);
            }
            const lit = this.lit();
            const boxes = card.boxes ? boxes_shown(card, card.size).filter((one) => one.page === picture.page && one.box !== null && !one.is_removed && !(one.flaw && /outside/.test(one.flaw))) : [];
            return html`<${Viewer} key=${card.id} handle=${(viewer) => { this.viewer = viewer; }} image=${{ url: picture.url, is_cut: picture.is_cut, ...picture.size }} title=${card.ask.job.path}
                on_fail=${() => picture.fail()}
                regions=${this.regions()} focus=${card.focus} lit=${lit} boxes=${boxes} selected=${this.state.selected} tool=${this.state.tool}
                on_size=${(natural) => { card.natural = natural; card.changed(); }}
                on_select=${card.boxes ? this.select : undefined} on_region=${this.on_region} on_draw=${this.on_draw}
                on_box_drag=${card.state === 'open' && card.boxes ? this.on_box_drag : undefined}
                on_tool=${card.boxes && card.state === 'open' && (picture.page === 0 || card.boxes.has_pages) ? this.on_tool : undefined}>
                ${picture.pages > 1 && html`<${Pages} picture=${picture}/>`}
            </${Viewer}>`;
        }
        return html`<${TextSource} key=${card.id} card=${card} text=${card.ask.text}/>`;
    }

    /* Not there yet, or not to be shown: it is said where the picture would be. */
    no_picture(picture) {
        return html`<section class="viewer" aria-label="Image">
            ${picture.problem === null ? html`<p class="no-image" role="status">The picture is being made ready…</p>`
            : html`<div class="no-image" role="alert"><p><strong>This picture cannot be shown.</strong></p><p>${picture.problem}</p>
                <p><a href=${picture.file} download>Download the file</a></p></div>`}
            ${picture.pages > 1 && html`<div class="tools" role="toolbar" aria-label="View"><${Pages} picture=${picture}/></div>`}
        </section>`;
    }

    render({ card, queue }) {
        const { ask } = card;
        const { dialog } = this.state;
        const close = () => this.setState({ dialog: null });
        return html`<div class="card" data-ask=${ask.id} data-state=${card.state}>
            <div class="source">${this.source()}</div>
            <div class="panel" ref=${this.panel} tabindex="-1" aria-label="Answer">
                <${Heading} card=${card}/>
                ${card.state === 'standing' ? html`<${Standing} card=${card} queue=${queue}/>`
                : is_form(card.ask.form) ? html`<${CustomForm} key=${card.id} card=${card}/>`
                : html`<${Form} card=${card} selected=${this.state.selected} on_select=${this.select} on_place=${this.place_box}/>`}
                ${card.state !== 'standing' && html`<${Actions} card=${card} queue=${queue} submit=${this.submit} scope=${this.state.scope}
                    on_scope=${(scope) => this.setState({ scope })} on_skip=${() => this.setState({ dialog: 'skip' })}
                    on_reject=${() => this.setState({ dialog: 'reject' })} on_wide=${() => this.widen()}/>`}
            </div>
            ${dialog === 'skip' && html`<${SkipDialog} on_close=${close} on_skip=${(seconds) => { close(); queue.skip(card, seconds); }}/>`}
            ${dialog === 'reject' && html`<${ReasonDialog} title="Reject" action="Reject" on_close=${close}
                text="The job ends as rejected, unless its pipeline goes on." on_done=${(reason) => { close(); this.submit('reject', { reason }); }}/>`}
        </div>`;
    }
}

function Pages({ picture }) {
    const { page, pages } = picture;
    return html`<span class="pages"><button type="button" disabled=${page <= 0} onClick=${() => picture.turn(page - 1)} aria-label="Previous page" title="Previous page (PgUp)">‹</button>
        <span>page ${page + 1} / ${pages}</span><button type="button" disabled=${page + 1 >= pages} onClick=${() => picture.turn(page + 1)} aria-label="Next page" title="Next page (PgDn)">›</button></span>`;
}

function focus_number(pointer) {
    const input = document.querySelector(`[data-number="${CSS.escape(`${pointer}#0`)}"]`);
    input?.focus();
    input?.select();
}

const numbers_of = (place) => ({ x: Number(place.x), y: Number(place.y), width: Number(place.width), height: Number(place.height) });

function Heading({ card }) {
    const { ask } = card;
    const count = card.doubtful.length;
    const due = ask.due_at ? Date.parse(ask.due_at) : null;
    return html`<header class="why-asked">
        <h1><a href=${`#/job/${ask.job.id}`} title="The job's history">${ask.job.path}</a></h1>
        <p class="meta">
            <span>${ask.job.pipeline} › ${ask.phase}</span>
            <span title=${ask.asked_at}>asked ${ago(ask.asked_at)}</span>
            ${due !== null && html`<span class=${classes(due < Date.now() && 'late')} title=${ask.due_at}>due ${ago(ask.due_at)}</span>`}
            ${ask.group && html`<span class="tag">${ask.group}</span>`}
            ${ask.escalated && html`<span class="tag late">escalated</span>`}
        </p>
        <p class="summary">${ask.audit ? html`<strong>Audit:</strong> nothing is in doubt here. Is all of it right?`
            : ask.origin === 'engine' ? html`<strong>The engine needs a decision.</strong>`
            : html`<strong>${card.is_gate ? plural(count, 'place') : plural(count, 'question')}</strong> ${count === 1 ? 'needs' : 'need'} your look${card.is_gate ? `: ${names(card)}` : ''}`}</p>
        ${card.notice && html`<p class=${`notice ${card.notice.kind}`} role=${card.notice.kind === 'error' ? 'alert' : 'status'}>${card.notice.text}</p>`}
    </header>`;
}

const names = (card) => {
    const list = card.doubtful.slice(0, 3).map((pointer) => card.path_title(pointer));
    return list.join(', ') + (card.doubtful.length > 3 ? ` and ${card.doubtful.length - 3} more` : '');
};

function Actions({ card, queue, submit, scope, on_scope, on_skip, on_reject, on_wide }) {
    const is_sending = card.state === 'sending';
    const changes = card.edits.values.size + card.edits.removed.size + card.typed.size;
    const drafts = { saving: 'saving draft…', saved: 'draft kept', away: 'draft waits for the engine', none: '' };
    return html`<footer class="answer">
        ${card.ask.fingerprint && html`<label class="check twins"><input type="checkbox" checked=${scope} onChange=${(event) => on_scope(event.target.checked)}/>
            <span>the same answer for all alike, now and later <kbd>T</kbd></span></label>`}
        <div class="row">
            <button type="button" class="primary" disabled=${is_sending} onClick=${() => submit('accept')}>
                ${is_sending ? 'Sending…' : changes > 0 || !card.is_gate ? 'Submit' : 'Accept'} <kbd>${changes > 0 ? 'Ctrl ↵' : '↵'}</kbd></button>
            <button type="button" disabled=${is_sending} onClick=${on_skip}>Skip <kbd>S</kbd></button>
            <button type="button" disabled=${is_sending} class="danger" onClick=${on_reject}>Reject <kbd>R</kbd></button>
            <span class="gap"></span>
            ${card.is_gate && html`<button type="button" class="link" aria-pressed=${card.is_wide} onClick=${on_wide}>${card.is_wide ? 'Fewer fields' : 'All fields'} <kbd>E</kbd></button>`}
        </div>
        <p class="state" role="status"><span>${changes > 0 ? plural(changes, 'change') : 'no change'}</span><span>${is_sending ? '' : drafts[card.draft_state]}</span></p>
    </footer>`;
}
