// SPDX-License-Identifier: MIT
// A card that another one answered or holds: both versions side by side, and the ways on.
import * as api from './api.js';
import { html, ago, classes } from './dom.js';
import { is_object, same, write } from './json.js';

export function Standing({ card, queue }) {
    const { standing } = card;
    const answer = standing.answer;
    const theirs = values_of(answer, (name) => card.pointer_from(name));
    const mine = card.edits.answer();
    const pointers = [...new Set([...Object.keys(mine.values), ...mine.removed, ...Object.keys(theirs.values), ...theirs.removed])].sort();
    const is_over = answer !== null || standing.state === 'answered' || standing.state === 'withdrawn';
    const is_withdrawn = standing.code === 'withdrawn' || standing.state === 'withdrawn';
    const is_changed = !is_over && standing.code !== 'leased' && standing.code !== 'lease_lost';
    const is_leased = !is_over && (standing.code === 'leased' || standing.code === 'lease_lost');
    const show = (side, pointer) => (side.removed.includes(pointer) ? html`<em>removed</em>` : pointer in side.values ? write(side.values[pointer]) : html`<span class="empty">as it was</span>`);
    const copy = () => navigator.clipboard?.writeText(write(mine, 2)).then(() => queue.say('Your version is in the clipboard'), () => queue.say('The clipboard is not open to this page', 'error'));
    const again = async () => {
        try {
            const claimed = is_over
                ? await api.post(`/v1/asks/${card.id}/reopen`, { reason: 'answered differently by two people', claim: true })
                : await api.post(`/v1/asks/${card.id}/claim`, {});
            const edits = card.edits;
            card.load(claimed);
            edits.values.forEach((value, pointer) => card.set(pointer, value));
            edits.removed.forEach((pointer) => card.remove_row(pointer));
            card.changed();
        } catch (problem) {
            queue.say(`${is_over ? 'Not opened again' : 'Not taken'}: ${problem.message}`, 'error');
        }
    };
    const retry = async () => {
        await card.claim_again();
        queue.show(card);
    };
    return html`<section class="standing" aria-label="Two versions">
        <h2>${is_leased ? (standing.is_mine ? 'You are at this card elsewhere' : 'Someone else is at this card') : is_withdrawn ? 'This question was withdrawn' : is_changed ? 'This card has changed' : 'This was answered before'}</h2>
        <p>${is_leased ? `${standing.is_mine ? 'Another window of yours' : standing.holder ?? 'Another person'} holds it${Date.parse(standing.until) > Date.now() + 1000 ? `, ${ago(standing.until).replace(/^in /, 'for ')} yet` : ''}.`
            : is_withdrawn ? 'Its job went on or ended without an answer.'
            : is_changed ? 'It was answered and opened again, or asked anew, since it was shown here. Nothing was sent.'
            : `${answer?.by ?? 'Someone'} answered${answer?.at ? ` ${ago(answer.at)}` : ''}. That answer stands.`}
            ${pointers.length > 0 ? ' Nothing of yours is lost.' : ''}</p>
        ${pointers.length > 0 && html`<table class="versions"><thead><tr><th scope="col">Place</th><th scope="col">Yours</th><th scope="col">${is_leased ? 'Theirs' : 'Standing'}</th></tr></thead>
            <tbody>${pointers.map((pointer) => html`<tr class=${classes(!same(mine.values[pointer] ?? null, theirs.values[pointer] ?? null) && 'differs')}>
                <th scope="row">${card.path_title(pointer)}</th><td>${show(mine, pointer)}</td><td>${show(theirs, pointer)}</td></tr>`)}</tbody></table>`}
        <div class="row">
            <button type="button" class="primary" onClick=${() => queue.drop(card)}>Next card</button>
            ${is_leased && html`<button type="button" onClick=${retry}>${standing.is_mine ? 'Take it here' : 'Try again'}</button>`}
            ${!is_leased && !is_withdrawn && pointers.length > 0 && html`<button type="button" onClick=${again}>${is_changed ? 'Go on with mine' : 'Open it again with mine'}</button>`}
            ${pointers.length > 0 && html`<button type="button" class="link" onClick=${copy}>Copy mine</button>`}
        </div>
    </section>`;
}

/* An answer as the engine tells it, whichever of its words it uses. */
function values_of(answer, pointer_from) {
    if (!is_object(answer)) {
        return { values: {}, removed: [] };
    }
    if (is_object(answer.values)) {
        const values = Object.fromEntries(Object.entries(answer.values).map(([name, value]) => [pointer_from(name), value]));
        return { values, removed: Array.isArray(answer.removed) ? answer.removed : [] };
    }
    const values = {}, removed = [];
    for (const [pointer, field] of Object.entries(is_object(answer.fields) ? answer.fields : {})) {
        if (is_object(field) && 'to' in field) {
            values[pointer_from(pointer)] = field.to;
        } else {
            removed.push(pointer_from(pointer));
        }
    }
    return { values, removed };
}
