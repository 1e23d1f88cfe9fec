// SPDX-License-Identifier: MIT
// Small questions in front of the page: the browser's own dialog keeps focus and Escape.
import { useEffect, useRef } from 'preact/hooks';
import { html } from './dom.js';

export function Dialog({ title, on_close, on_key, children, wide }) {
    const dialog = useRef(null);
    useEffect(() => {
        const before = document.activeElement;
        dialog.current.showModal();
        dialog.current.querySelector('[data-first]')?.focus(); // `autofocus` is refused where something has the focus
        return () => before instanceof HTMLElement && before.isConnected && before.focus();
    }, []);
    return html`<dialog ref=${dialog} class=${wide ? 'wide' : ''} aria-label=${title} onClose=${on_close} onKeyDown=${on_key}
        onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
        <header><h2>${title}</h2><button type="button" class="icon" onClick=${() => dialog.current.close()} aria-label="Close">×</button></header>
        ${children}
    </dialog>`;
}

const keys = [
    ['Answer', [['Enter', 'this field is right, the next one; behind the last: accept and next card'], ['Ctrl Enter', 'submit at once'],
        ['Tab', 'next doubtful field, Shift Tab the one before'], ['E', 'open every field, or only the doubtful ones'], ['T', 'the same answer for all alike, now and later'],
        ['1 … 9', 'choose an answer, or the label of a box'], ['Esc', 'leave the field, so that letters are keys']]],
    ['Cards', [['S', 'skip: give back or put aside'], ['R', 'reject, with a reason'], ['U', 'undo the latest answer'], ['J K', 'next and previous card']]],
    ['Image', [['+ −', 'zoom'], ['F 0', 'fit, 100 %'], ['[ ]', 'turn'], ['Arrows', 'shift the image'], ['PgUp PgDn', 'pages of the file'], ['Click', 'to the field that was read there; twice: zoom in']]],
    ['Boxes', [['B', 'draw: drag, or click two corners; B again: place one by numbers'], ['Arrows', 'move by 1 pixel, with Shift by 10'],
        ['Alt Arrows', 'move the right and lower edge, with Shift the left and upper'], ['N', 'to its numbers'], ['Delete', 'delete, or put back']]],
];

export function Help({ on_close, letters, on_letters, theme, on_theme }) {
    return html`<${Dialog} title="Keys" on_close=${on_close} wide>
        <div class="keys">${keys.map(([title, rows]) => html`<section><h3>${title}</h3><dl>
            ${rows.map(([key, what]) => html`<div><dt>${key.split(' ').map((one) => (one === '…' ? one : html`<kbd>${one}</kbd>`))}</dt><dd>${what}</dd></div>`)}
        </dl></section>`)}</div>
        <div class="settings">
            <label class="check"><input type="checkbox" checked=${letters} onChange=${(event) => on_letters(event.target.checked)}/> Single letters are keys</label>
            <label>Colours <select value=${theme} onChange=${(event) => on_theme(event.target.value)}>
                <option value="auto">as the system</option><option value="light">light</option><option value="dark">dark</option></select></label>
        </div>
    </${Dialog}>`;
}

export function SkipDialog({ on_skip, on_close }) {
    const morning = () => {
        const at = new Date();
        at.setDate(at.getDate() + 1);
        at.setHours(8, 0, 0, 0);
        return Math.max(60, Math.round((at - Date.now()) / 1000));
    };
    const ways = [['Give it back', 'anyone may take it', () => 0], ['In an hour', '', () => 3600], ['Tomorrow at 8', '', morning], ['In a week', '', () => 604800]];
    const on_key = (event) => {
        const way = ways[Number(event.key) - 1];
        if (way) {
            event.preventDefault();
            on_skip(way[2]());
        }
    };
    return html`<${Dialog} title="Skip this card" on_close=${on_close} on_key=${on_key}>
        <ul class="ways">${ways.map(([name, note, seconds], i) => html`<li>
            <button type="button" onClick=${() => on_skip(seconds())}><kbd>${i + 1}</kbd>${name}${note && html`<span class="note">${note}</span>`}</button></li>`)}</ul>
        <p class="note">What you typed is kept as its draft.</p>
    </${Dialog}>`;
}

export function ReasonDialog({ title, action, text, on_done, on_close }) {
    const input = useRef(null);
    const submit = (event) => {
        event.preventDefault();
        on_done(input.current.value.trim());
    };
    return html`<${Dialog} title=${title} on_close=${on_close}>
        <form onSubmit=${submit}>
            <p>${text}</p>
            <label>Reason <input ref=${input} type="text" data-first required maxlength="1000" autocomplete="off"/></label>
            <div class="actions"><button type="submit" class="primary">${action}</button></div>
        </form>
    </${Dialog}>`;
}
