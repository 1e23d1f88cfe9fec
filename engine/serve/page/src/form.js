// SPDX-License-Identifier: MIT
// The form of a card, made from its schema: what is asked stands open and marked, what the model is
// sure of is one quiet line each, open at a click.
import { Component } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { html, classes, percent } from './dom.js';
import { as_text } from './edits.js';
import { get, is_below, join } from './pointer.js';
import { is_object, parse, same, write } from './json.js';
import { choices_of, empty_of, takes_null } from './schema.js';
import { BoxList } from './box_list.js';

const id_of = (pointer) => `f${pointer.replace(/[^A-Za-z0-9]/g, (sign) => `_${sign.charCodeAt(0)}`)}`;

/** All of a card's fields. */
export function Form({ card, selected, on_select, on_place }) {
    if (!card.is_gate) {
        return html`<div class="fields">${card.doubtful.map((pointer) => html`<${Part} key=${pointer} card=${card} pointer=${pointer}/>`)}</div>`;
    }
    const whole = card.questions_at('');
    return html`<div class="fields">
        ${whole.length > 0 && html`<div class="field asked"><${Reasons} card=${card} pointer=""/></div>`}
        <${Trouble} card=${card} pointer=""/>
        <${Part} card=${card} pointer="" selected=${selected} on_select=${on_select} on_place=${on_place}/>
    </div>`;
}

function Part({ card, pointer, selected, on_select, on_place }) {
    if (card.boxes !== null && card.boxes.pointer === pointer) {
        return html`<${BoxList} card=${card} selected=${selected} on_select=${on_select} on_place=${on_place}/>`;
    }
    const kind = card.kind(pointer);
    if (kind === 'object') {
        const has_boxes = (at) => card.boxes !== null && is_below(card.boxes.pointer, at);
        const members = card.members(pointer).sort((a, b) => has_boxes(b) - has_boxes(a)); // they are the card's matter
        const inside = members.map((at) => html`<${Part} key=${at} card=${card} pointer=${at} selected=${selected} on_select=${on_select} on_place=${on_place}/>`);
        if (pointer === '') {
            return members.length > 0 ? inside : html`<p class="empty">This document has no fields.</p>`;
        }
        return html`<fieldset><legend>${card.title(pointer)}</legend><${Reasons} card=${card} pointer=${pointer}/><${Trouble} card=${card} pointer=${pointer}/>${inside}</fieldset>`;
    }
    if (kind === 'table') {
        return html`<${Table} card=${card} pointer=${pointer}/>`;
    }
    if (kind === 'list') {
        return html`<${List} card=${card} pointer=${pointer} selected=${selected} on_select=${on_select} on_place=${on_place}/>`;
    }
    return html`<${Field} card=${card} pointer=${pointer}/>`;
}

function Reasons({ card, pointer, id }) {
    const title = card.is_gate ? null : card.title(pointer); // which is the question, unless its schema has a title
    const questions = card.questions_at(pointer).filter(({ question }) => question !== title);
    if (questions.length === 0) {
        return null;
    }
    return html`<ul class="reasons" id=${id}>${questions.map((question) => html`<li>
        <span class="why">${why(question)}</span>
        ${question.detector && html` <span class="detector">${question.detector}</span>`}
    </li>`)}</ul>`;
}

const is_about_confidence = (question) =>
    question.kind === 'LOW_CONFIDENCE' && question.context?.threshold !== undefined && question.context?.confidence !== undefined;

/* What the label beside it does not say already. */
export const why = (question) => (is_about_confidence(question)
    ? `read with ${percent(question.context.confidence)} confidence, asked below ${percent(question.context.threshold)}` : question.question);

/** What is wrong at a place, with the way to go against it. */
export function Trouble({ card, pointer, id }) {
    const [is_asking, ask] = useState(false);
    const told = card.flaws_at(pointer);
    const live = told.length > 0 ? [] : card.rule_flaws_at(pointer);
    const can_override = (card.flaws.get(pointer) ?? []).some((flaw) => !is_schema_rule(flaw.rule)) && card.is_gate;
    if (told.length === 0 && live.length === 0) {
        return null;
    }
    const reason = card.overrides.get(pointer) ?? '';
    const on_reason = (event) => {
        if (event.target.value.trim() === '') {
            card.overrides.delete(pointer);
        } else {
            card.overrides.set(pointer, event.target.value);
        }
        card.changed();
    };
    return html`<div class=${classes('trouble', told.length === 0 && 'live')} id=${id} role=${told.length > 0 ? 'alert' : 'status'}>
        ${[...told, ...live].map((text) => html`<p>${text}</p>`)}
        ${can_override && (is_asking || reason !== ''
            ? html`<label class="override">Right all the same, because
                <input type="text" value=${reason} onInput=${on_reason} maxlength="1000" data-override=${pointer}
                    ref=${(input) => is_asking && reason === '' && input?.focus()}/></label>`
            : html`<button type="button" class="link" onClick=${() => ask(true)}>It is right: override…</button>`)}
    </div>`;
}

const schema_rules = new Set(['type', 'enum', 'const', 'required', 'properties', 'additionalProperties', 'pattern', 'format', 'minimum',
    'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength', 'minItems', 'maxItems', 'uniqueItems', 'pointer', 'remove']);
const is_schema_rule = (rule) => schema_rules.has(rule);

function Sureness({ card, pointer }) {
    const share = card.confidence(pointer);
    if (card.edits.is_changed(pointer) || card.typed.has(pointer)) {
        const was = get(card.edits.shown, pointer);
        return html`<span class="sure changed" title="Changed by you">${was === undefined ? 'new' : html`was <s>${as_text(was) || 'empty'}</s>`}</span>`;
    }
    return share === null ? null : html`<span class=${classes('sure', card.is_asked(pointer) && 'low')} title="How sure the model is">${percent(share)}</span>`;
}

/** One place: label, control, why it is asked, what is wrong. */
export function Field({ card, pointer }) {
    const [is_open, open] = useState(false);
    const is_asked = card.is_asked(pointer);
    const has_trouble = card.flaws_at(pointer).length > 0;
    const is_changed = card.edits.is_changed(pointer) || card.typed.has(pointer);
    const kind = card.kind(pointer);
    const title = card.title(pointer);
    const value = card.edits.value(pointer);
    if (!is_asked && !has_trouble && !is_changed && !is_open && !card.is_wide) {
        const text = kind === 'json' ? write(value) : kind === 'boolean' ? (value ? 'yes' : 'no') : as_text(value);
        return html`<button type="button" class="field quiet" data-quiet=${pointer} onClick=${() => open(true)} title="Edit">
            <span class="name">${title}</span>
            <span class=${classes('value', text === '' && 'empty')}>${text === '' ? 'empty' : text}</span>
            <${Sureness} card=${card} pointer=${pointer}/>
        </button>`;
    }
    const id = id_of(pointer);
    const notes = [is_asked && card.is_gate && `${id}-why`, has_trouble && `${id}-trouble`].filter(Boolean).join(' ');
    return html`<div class=${classes('field', is_asked && 'asked', has_trouble && 'wrong', is_changed && 'is-changed', `kind-${kind}`)}
        onFocusIn=${() => card.set_focus(pointer)}>
        <div class="top">
            <label for=${id} id=${`${id}-name`}>${title}${card.is_optional(pointer) && html` <span class="optional">optional</span>`}</label>
            <${Sureness} card=${card} pointer=${pointer}/>
            ${is_changed && html`<button type="button" class="link back" onClick=${() => card.reset(pointer)} aria-label=${`${title}: back to ${card.is_gate ? 'what the model read' : 'how it was'}`}>Back</button>`}
        </div>
        <${Control} card=${card} pointer=${pointer} kind=${kind} id=${id} notes=${notes} is_fresh=${is_open && !is_asked}/>
        ${is_asked && html`<${Reasons} card=${card} pointer=${pointer} id=${`${id}-why`}/>`}
        <${Trouble} card=${card} pointer=${pointer} id=${`${id}-trouble`}/>
    </div>`;
}

function Control({ card, pointer, kind, id, notes, is_fresh, cell, label }) {
    const control = useRef(null);
    useEffect(() => {
        if (is_fresh) {
            control.current?.focus();
        }
    }, []);
    const is_asked = card.is_asked(pointer);
    const has_trouble = card.flaws_at(pointer).length > 0;
    const common = {
        ref: control,
        id,
        'data-field': pointer,
        'data-asked': is_asked || undefined,
        'aria-describedby': notes || undefined,
        'aria-invalid': has_trouble || undefined,
        'aria-label': label,
    };
    const schema = card.schema_of(pointer);
    const value = card.edits.value(pointer);
    switch (kind) {
    case 'choice':
        return html`<${Choice} card=${card} pointer=${pointer} common=${common} schema=${schema} value=${value} is_large=${(is_asked || !card.is_gate) && !cell}/>`;
    case 'boolean':
        if (!card.is_gate) { // nobody said anything yet, and "no" is an answer
            return html`<select ...${common} value=${value === true ? 'yes' : value === false ? 'no' : ''} onChange=${(event) => card.set(pointer, event.target.value === 'yes')}>
                <option value="" disabled>choose</option><option value="yes">yes</option><option value="no">no</option></select>`;
        }
        return html`<span class="check"><input ...${common} type="checkbox" checked=${value === true} onChange=${(event) => card.set(pointer, event.target.checked)}/>
            ${cell ? null : html`<span>${value === true ? 'yes' : value === false ? 'no' : 'not set'}</span>`}</span>`;
    case 'long':
        return html`<textarea ...${common} rows=${Math.min(12, Math.max(3, card.text(pointer).split('\n').length + 1))} spellcheck="true"
            value=${card.text(pointer)} onInput=${(event) => card.type(pointer, event.target.value)}></textarea>`;
    case 'json':
        return html`<${Json} card=${card} pointer=${pointer} common=${common}/>`;
    default:
        return html`<input ...${common} class=${classes(kind === 'number' && 'number')} type="text" inputmode=${kind === 'number' ? 'decimal' : undefined}
            autocomplete="off" spellcheck=${kind !== 'number'} value=${card.text(pointer)}
            placeholder=${value === null && takes_null(schema) ? 'none' : undefined}
            onInput=${(event) => card.type(pointer, event.target.value)}/>`;
    }
}

/* A value that no form knows: as JSON, kept as typed until it reads. */
class Json extends Component {
    state = { text: null };
    on_input = (event) => {
        const text = event.target.value;
        const { card, pointer } = this.props;
        this.setState({ text });
        try {
            card.blocked.delete(pointer);
            card.set(pointer, parse(text));
        } catch (error) {
            card.block(pointer, error.message);
        }
    };
    render({ card, pointer, common }, { text }) {
        const shown = text ?? write(card.edits.value(pointer), 2);
        return html`<textarea ...${common} class="code" rows=${Math.min(16, shown.split('\n').length + 1)} spellcheck="false" value=${shown} onInput=${this.on_input}></textarea>`;
    }
}

/* One of several: a list to search where it is asked, a menu where it is not. */
function Choice({ card, pointer, common, schema, value, is_large }) {
    const [search, set_search] = useState('');
    const [at, set_at] = useState(0);
    const list = useRef(null);
    const choices = choices_of(schema, card.context_of(pointer)) ?? [];
    const chosen = choices.findIndex((choice) => same(choice.value, value));
    if (!is_large) {
        return html`<select ...${common} value=${chosen < 0 ? '' : String(chosen)} onChange=${(event) => card.set(pointer, choices[Number(event.target.value)].value)}>
            ${chosen < 0 && html`<option value="" disabled>${as_text(value) || 'choose'}</option>`}
            ${choices.map((choice, i) => html`<option value=${String(i)}>${choice.label}</option>`)}
        </select>`;
    }
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = choices.filter((choice) => words.every((word) => `${choice.label} ${choice.note}`.toLowerCase().includes(word)));
    const active = Math.min(at, Math.max(0, shown.length - 1));
    const pick = (choice) => {
        card.set(pointer, choice.value);
        card.passed.add(pointer);
    };
    const to = (index) => {
        const next = Math.min(Math.max(index, 0), shown.length - 1);
        set_at(next);
        list.current?.children[next]?.scrollIntoView({ block: 'nearest' });
    };
    const on_key = (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) {
            return;
        }
        const is_search = event.target instanceof HTMLInputElement;
        if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
            to(active + (event.key === 'ArrowDown' ? 1 : -1));
        } else if (event.key === 'Home' && !is_search) {
            to(0);
        } else if (event.key === 'End' && !is_search) {
            to(shown.length - 1);
        } else if ((event.key === 'Enter' || (event.key === ' ' && !is_search)) && shown[active] && !same(shown[active].value, value)) {
            pick(shown[active]);
        } else if (!is_search && /^[1-9]$/.test(event.key) && shown[Number(event.key) - 1]) {
            set_at(Number(event.key) - 1);
            pick(shown[Number(event.key) - 1]);
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    };
    const option_id = (i) => `${common.id}-o${i}`;
    const { ref, ...rest } = common;
    return html`<div class="choice" onKeyDown=${on_key}>
        ${choices.length > 7 && html`<input type="text" class="search" value=${search} placeholder="Search" aria-label="Search the choices" autocomplete="off"
            role="combobox" aria-expanded="true" aria-controls=${common.id} aria-activedescendant=${shown.length > 0 ? option_id(active) : undefined}
            onInput=${(event) => { set_search(event.target.value); set_at(0); }}/>`}
        <ul ...${rest} ref=${list} role="listbox" tabindex="0" aria-labelledby=${`${common.id}-name`} aria-invalid=${undefined}
            aria-activedescendant=${shown.length > 0 ? option_id(active) : undefined}>
            ${shown.map((choice, i) => html`<li key=${String(choice.value)} id=${option_id(i)} role="option" aria-selected=${same(choice.value, value)}
                class=${classes(i === active && 'active')} onClick=${() => { set_at(i); pick(choice); }}>
                <kbd>${i < 9 ? i + 1 : ''}</kbd><span class="label">${choice.label}</span><span class="note">${choice.note}</span>
            </li>`)}
        </ul>
        ${shown.length === 0 && html`<p class="empty">No choice matches "${search}".</p>`}
    </div>`;
}

/* Rows of flat objects. */
function Table({ card, pointer }) {
    const rows = card.edits.rows(pointer);
    const items = card.schema_of(join(pointer, '0'));
    const names = [...new Set([...Object.keys(items.properties ?? {}), ...rows.flatMap((row) => (is_object(row.value) ? Object.keys(row.value) : []))])];
    const is_number_column = (name) => card.kind(join(join(pointer, rows[0]?.index ?? 0), name)) === 'number';
    const add = () => {
        const value = empty_of(items, card.schema) ?? Object.create(null);
        const like = rows.find((row) => is_object(row.value))?.value;
        for (const name of names) {
            if (!(name in value)) {
                value[name] = typeof like?.[name] === 'string' ? '' : null;
            }
        }
        const at = card.add_row(pointer, value);
        setTimeout(() => focus_field(join(at, names[0])));
    };
    return html`<section class="table" aria-label=${card.title(pointer)}>
        <div class="top"><h2>${card.title(pointer)}</h2><span class="count">${rows.filter((row) => !row.is_removed).length}</span>
            <${Sureness} card=${card} pointer=${pointer}/></div>
        <${Reasons} card=${card} pointer=${pointer}/>
        <${Trouble} card=${card} pointer=${pointer}/>
        <div class="scroll"><table>
            <thead><tr>${names.map((name) => html`<th scope="col" class=${is_number_column(name) && 'number'}>${card.title(join(join(pointer, 0), name))}</th>`)}<th class="narrow"><span class="hidden">Row</span></th></tr></thead>
            <tbody>${rows.map((row, i) => html`<${Row} key=${row.pointer} card=${card} row=${row} names=${names} number=${i + 1} list=${pointer}/>`)}</tbody>
        </table></div>
        <button type="button" class="small" onClick=${add} data-add=${pointer}>Add a row</button>
    </section>`;
}

function Row({ card, row, names, number, list }) {
    const { pointer } = row;
    const asked = card.questions_at(pointer);
    const flaws = card.flaws_at(pointer), live = flaws.length > 0 ? [] : card.rule_flaws_at(pointer);
    const named = flaws.length + live.length > 0 ? card.rules.filter((one) => one.each === list).flatMap((one) => one.rule.names) : [];
    const focus_next = () => setTimeout(() => focus_field(pointer));
    const columns = names.length + 1;
    const id = id_of(pointer);
    const cells = names.map((name) => {
        const at = join(pointer, name);
        const kind = card.kind(at);
        const is_stop = card.is_asked(at) || card.flaws_at(at).length > 0 || named.includes(`/${name}`);
        const label = `${card.title(at)}, row ${number}`;
        const notes = [card.is_asked(at) && `${id_of(at)}-why`].filter(Boolean).join(' ');
        return html`<td key=${name} class=${classes(card.is_asked(at) && 'asked', card.edits.is_changed(at) && 'is-changed', card.flaws_at(at).length > 0 && 'wrong', named.includes(`/${name}`) && 'involved')}
            data-stop=${is_stop || undefined} onFocusIn=${() => card.set_focus(at)}>
            ${row.is_removed ? html`<s>${as_text(row.value?.[name])}</s>`
            : html`<${Control} card=${card} pointer=${at} kind=${kind === 'long' ? 'text' : kind} id=${id_of(at)} notes=${notes} cell label=${label}/>`}
            ${card.is_asked(at) && !row.is_removed && card.confidence(at) !== null && html`<span class="mark">${percent(card.confidence(at))}</span>`}
        </td>`;
    });
    const words = names.flatMap((name) => card.questions_at(join(pointer, name)).map((question) => [join(pointer, name), question]));
    return html`<tr class=${classes(row.is_removed && 'removed', row.is_added && 'added', asked.length > 0 && 'asked', flaws.length > 0 && 'wrong')} data-row-of=${pointer}>
        ${cells}
        <td class="narrow">${row.is_removed
            ? html`<button type="button" class="icon" onClick=${() => { card.restore_row(pointer); focus_next(); }} aria-label=${`Put row ${number} back`} title="Put back">↶</button>`
            : html`<button type="button" class="icon" onClick=${() => card.remove_row(pointer)} aria-label=${`Remove row ${number}`} title="Remove">×</button>`}</td>
    </tr>
    ${!row.is_removed && (words.length > 0 || asked.length > 0 || flaws.length > 0 || live.length > 0 ||
        names.some((name) => card.flaws_at(join(pointer, name)).length > 0)) && html`<tr class="notes"><td colspan=${columns} id=${id}>
        <ul class="reasons">${words.map(([at, question]) => html`<li id=${`${id_of(at)}-why`} class=${is_about_confidence(question) && card.focus !== at && 'hidden'}>
            <span class="why">${card.title(at)}: ${why(question)}</span>
            ${question.detector && html` <span class="detector">${question.detector}</span>`}</li>`)}</ul>
        <${Reasons} card=${card} pointer=${pointer}/>
        ${names.map((name) => html`<${Trouble} card=${card} pointer=${join(pointer, name)}/>`)}
        <${Trouble} card=${card} pointer=${pointer}/>
    </td></tr>`}`;
}

/* Rows of anything else. */
function List({ card, pointer, selected, on_select, on_place }) {
    const rows = card.edits.rows(pointer);
    const items = card.schema_of(join(pointer, '0'));
    const add = () => {
        const at = card.add_row(pointer, empty_of(items, card.schema) ?? (rows.every((row) => typeof row.value === 'string') ? '' : null));
        setTimeout(() => focus_field(at));
    };
    return html`<fieldset class="list"><legend>${card.title(pointer)} <span class="count">${rows.length}</span></legend>
        <${Reasons} card=${card} pointer=${pointer}/><${Trouble} card=${card} pointer=${pointer}/>
        ${rows.map((row, i) => html`<div class=${classes('item', row.is_removed && 'removed')} key=${row.pointer}>
            ${row.is_removed ? html`<s>${as_text(row.value) || `Item ${i + 1}`}</s>` : html`<${Part} card=${card} pointer=${row.pointer} selected=${selected} on_select=${on_select} on_place=${on_place}/>`}
            <button type="button" class="icon" onClick=${() => (row.is_removed ? card.restore_row(row.pointer) : card.remove_row(row.pointer))}
                aria-label=${`${row.is_removed ? 'Put back' : 'Remove'} item ${i + 1}`}>${row.is_removed ? '↶' : '×'}</button>
        </div>`)}
        <button type="button" class="small" onClick=${add} data-add=${pointer}>Add an item</button>
    </fieldset>`;
}

/** Put the focus on a place, or on the first control below it. Returns whether there was one. */
export function focus_field(pointer) {
    const escaped = CSS.escape(pointer);
    const found = document.querySelector(`[data-field="${escaped}"]`) ??
        [...document.querySelectorAll(`[data-row-of="${escaped}"] [data-stop]:not(.is-changed) [data-field]`)].pop() ??
        document.querySelector(`[data-field^="${CSS.escape(`${pointer}/`)}"]`);
    if (found === null) {
        const quiet = document.querySelector(`[data-quiet="${escaped}"]`);
        quiet?.click();
        return quiet !== null;
    }
    found.focus();
    if (found instanceof HTMLInputElement && found.type === 'text') {
        found.select();
    }
    found.scrollIntoView({ block: 'nearest' });
    return true;
}

/** The places that want a look, in the order of the screen. */
export const stops = (root) => [...root.querySelectorAll('[data-asked], [data-stop] [data-field], [aria-invalid="true"]')]
    .filter((one) => one.offsetParent !== null);
