// SPDX-License-Identifier: MIT
// The boxes of a card as a list: every box can be chosen, named, placed by numbers and deleted
// here, without a drag; boxes outside the image are told here and nowhere else.
import { Component, createRef } from 'preact';
import { html, classes, percent } from './dom.js';
import { box_confidence, box_flaw, page_of } from './boxes.js';
import { is_object } from './json.js';
import { Trouble, why } from './form.js';

export const threshold_of = (card) => {
    const told = card.ask.questions.map((question) => question.context?.threshold).find((value) => value !== undefined);
    return told === undefined ? null : Number(told);
};

/** All rows with what list and image show of them. */
export function boxes_shown(card, size) {
    const { boxes } = card;
    const threshold = threshold_of(card);
    return card.edits.rows(boxes.pointer).map((row, i) => {
        let box = null;
        try {
            box = is_object(row.value) ? boxes.shape.read(row.value) : null;
        } catch (error) {
            box = null;
        }
        const is_asked = card.doubtful.some((pointer) => pointer === row.pointer || pointer.startsWith(`${row.pointer}/`));
        const share = row.is_added ? null : box_confidence(card.ask.confidence, row.pointer, row.value);
        const is_under = is_asked || (share !== null && threshold !== null && share < threshold);
        const is_touched = boxes.shape.pointers.some((at) => card.edits.is_changed(row.pointer + at));
        const label = boxes.label_name === null ? '' : String(row.value?.[boxes.label_name] ?? '');
        return {
            ...row, box, share, is_asked, is_touched, label,
            number: i + 1,
            page: page_of(row.value),
            kind: row.is_added || is_touched ? 'human' : is_under ? 'under' : 'over',
            flaw: box !== null && size && page_of(row.value) === (card.picture?.page ?? 0) ? box_flaw(box, size.width, size.height) : null,
            text: `${i + 1} ${label}${share === null ? '' : ` ${percent(share)}`}`,
        };
    });
}

export function BoxList({ card, selected, on_select, on_place }) {
    const { size } = card;
    const rows = boxes_shown(card, size);
    const there = rows.filter((row) => !row.is_removed);
    const threshold = threshold_of(card);
    return html`<section class="boxes" aria-label=${card.title(card.boxes.pointer)}>
        <div class="top"><h2>${card.title(card.boxes.pointer)}</h2><span class="count">${there.length}</span></div>
        ${threshold !== null && html`<p class="legend"><span class="key over"></span>at least ${percent(threshold)}
            <span class="key under"></span>below <span class="key human"></span>yours</p>`}
        <${Trouble} card=${card} pointer=${card.boxes.pointer}/>
        ${rows.length === 0 && html`<p class="empty">No box. Draw one with B, or leave it: an image without any is an answer, too.</p>`}
        <ul>${rows.map((row) => html`<${BoxRow} key=${row.pointer} card=${card} row=${row} is_selected=${row.pointer === selected} on_select=${on_select} size=${size}/>`)}</ul>
        <button type="button" class="small" onClick=${on_place} data-add=${card.boxes.pointer}>Add a box by numbers</button>
    </section>`;
}

const names = ['left', 'top', 'right', 'bottom'];

function BoxRow({ card, row, is_selected, on_select, size }) {
    const { pointer, box } = row;
    const { labels, label_name, is_closed } = card.boxes;
    const questions = card.ask.questions.filter((question) => question.pointer === pointer || question.pointer?.startsWith(`${pointer}/`));
    return html`<li class=${classes('box-row', row.kind, is_selected && 'selected', row.is_removed && 'removed', row.flaw && 'outside')}>
        <div class="head">
            <button type="button" class="choose" data-field=${pointer} data-asked=${(row.is_asked && !row.is_removed) || undefined} aria-pressed=${is_selected}
                onClick=${() => on_select(pointer)} onFocus=${() => on_select(pointer)}>
                <span class=${`key ${row.kind}`}></span>
                <span class="name">${row.number}. ${row.label || 'box'}</span>
                <span class="numbers">${box === null ? 'no box' : box.join(', ')}</span>
                ${row.share !== null && html`<span class=${classes('sure', row.kind === 'under' && 'low')}>${percent(row.share)}</span>`}
                ${row.is_added && html`<span class="sure changed">drawn</span>`}
                ${row.is_touched && !row.is_added && html`<span class="sure changed">moved</span>`}
            </button>
            ${row.is_removed
            ? html`<button type="button" class="icon" onClick=${() => card.restore_row(pointer)} aria-label=${`Put box ${row.number} back`} title="Put back">↶</button>`
            : html`<button type="button" class="icon" onClick=${() => card.remove_row(pointer)} aria-label=${`Delete box ${row.number}`} title="Delete (Delete)">×</button>`}
        </div>
        ${!row.is_removed && row.flaw && html`<p class="warning">This box ${row.flaw}${/outside/.test(row.flaw) ? ': it cannot be seen there.' : '.'}</p>`}
        ${!row.is_removed && questions.map((question) => html`<p class="why">${why(question)}</p>`)}
        <${Trouble} card=${card} pointer=${pointer}/>
        ${is_selected && !row.is_removed && box !== null && html`<div class="edit">
            <${Numbers} card=${card} pointer=${pointer} box=${box} size=${size} number=${row.number}/>
            ${label_name !== null && html`<div class="labels" role="group" aria-label="Label">
                ${labels.slice(0, 9).map((label, i) => html`<button type="button" aria-pressed=${row.label === label}
                    onClick=${() => card.set(`${pointer}/${label_name}`, label)}><kbd>${i + 1}</kbd>${label}</button>`)}
                ${!is_closed && html`<input type="text" value=${row.label} aria-label=${`Label of box ${row.number}`} autocomplete="off"
                    onChange=${(event) => event.target.value.trim() !== '' && card.set(`${pointer}/${label_name}`, event.target.value.trim())}/>`}
            </div>`}
        </div>`}
    </li>`;
}

/* Four numbers. Typed ones are drawn as soon as they make a box inside the image; what they do not
   make is put right, with a word about it, or refused when all four are left. */
class Numbers extends Component {
    state = { texts: null, note: null };
    group = createRef();

    type(i, text) {
        const texts = this.shown.slice();
        texts[i] = text;
        this.setState({ texts, note: null });
        const { card, pointer, size } = this.props;
        const box = numbers_read(texts);
        if (box !== null && box_flaw(box, size?.width ?? Infinity, size?.height ?? Infinity) === null) {
            card.set_box(pointer, box);
        }
    }
    step(i, by) {
        const texts = this.shown.slice();
        texts[i] = String(Number(texts[i]) + by);
        this.setState({ texts }, this.take);
    }
    leave = (event) => {
        if (!this.group.current.contains(event.relatedTarget)) {
            this.take();
        }
    };
    take = () => {
        const { texts } = this.state;
        const { card, pointer, size } = this.props;
        if (texts === null) {
            return;
        }
        const typed = numbers_read(texts);
        if (typed === null) {
            card.block(pointer, 'A box needs four numbers, in pixels of the image.');
            return;
        }
        const notes = [];
        const [ax, ay, bx, by] = typed;
        const ordered = [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
        if (ordered.some((value, i) => value !== typed[i])) {
            notes.push('Its corners were reversed and are put in order.');
        }
        const most = size ? [size.width, size.height, size.width, size.height] : ordered;
        const box = ordered.map((value, i) => Math.min(Math.max(value, 0), most[i]));
        if (box.some((value, i) => value !== ordered[i])) {
            notes.push(`It is clamped to the image of ${size.width} × ${size.height} pixels.`);
        }
        if (box[0] === box[2] || box[1] === box[3]) {
            card.block(pointer, 'A box without width or height is refused: it would mark nothing.');
            return;
        }
        this.setState({ texts: null, note: notes.join(' ') || null });
        card.set_box(pointer, box);
    };
    get shown() {
        return this.state.texts ?? this.props.box.map(String);
    }
    render({ pointer, number }, { note }) {
        return html`<div class="numbers-edit" ref=${this.group} onFocusOut=${this.leave}>
            ${names.map((name, i) => html`<span class="one">
                <label for=${`n${i}-${number}`}>${name}</label>
                <span class="stepper">
                    <button type="button" tabindex="-1" onClick=${() => this.step(i, -1)} aria-label=${`${name} of box ${number} one pixel less`}>−</button>
                    <input type="text" inputmode="numeric" id=${`n${i}-${number}`} data-number=${`${pointer}#${i}`} value=${this.shown[i]} autocomplete="off"
                        onInput=${(event) => this.type(i, event.target.value)}/>
                    <button type="button" tabindex="-1" onClick=${() => this.step(i, 1)} aria-label=${`${name} of box ${number} one pixel more`}>+</button>
                </span>
            </span>`)}
            ${note && html`<p class="note" role="status">${note}</p>`}
        </div>`;
    }
}

const numbers_read = (texts) => {
    const box = texts.map((text) => (/^\s*-?[0-9]+(\.[0-9]+)?\s*$/.test(text) ? Number(text) : NaN));
    return box.some(Number.isNaN) ? null : box;
};
