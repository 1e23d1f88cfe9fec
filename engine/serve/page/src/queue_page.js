// SPDX-License-Identifier: MIT
// What waits for people, and the way in.
import * as api from './api.js';
import { html, ago, classes, duration, plural } from './dom.js';
import { Page, all } from './page.js';
import { presence } from './presence.js';

export class QueuePage extends Page {
    componentDidMount() {
        super.componentDidMount();
        addEventListener('keydown', this.on_key);
        this.unwatch = presence.watch(() => this.setState({}));
    }
    componentWillUnmount() {
        super.componentWillUnmount();
        removeEventListener('keydown', this.on_key);
        this.unwatch();
    }
    on_key = (event) => {
        const { target } = event;
        if (event.key === 'Enter' && !event.defaultPrevented && !(target instanceof HTMLAnchorElement || target instanceof HTMLButtonElement) && !document.querySelector('dialog[open]')) {
            location.hash = '#/next';
        }
    };
    /* What was heard since counts only until the list is anew. */
    async fetch() {
        const [asks, stats] = await Promise.all([all(api.get, '/v1/asks?state=open', 300), api.get('/v1/stats').catch(() => ({}))]);
        presence.settle(asks.items);
        return { asks: asks.items, more: asks.next !== '', stats };
    }
    render({ me }, { data, problem }) {
        if (data === null) {
            return html`<div class="page">${problem ? html`<p class="notice error" role="alert">${problem.message}</p>` : html`<p class="empty" role="status">Loading…</p>`}</div>`;
        }
        const { asks, stats } = data;
        const sums = new Map();
        for (const ask of asks) {
            const name = ask.group ?? ask.job.pipeline;
            const key = ask.group ? `group=${encodeURIComponent(ask.group)}` : `pipeline=${encodeURIComponent(ask.job.pipeline)}`;
            sums.set(key, { name, count: (sums.get(key)?.count ?? 0) + 1 });
        }
        const open = Number(stats.asks?.open ?? asks.length);
        return html`<div class="page queue">
            <header class="head"><div><h1>${open === 0 ? 'Nothing waits' : plural(open, 'question waits', 'questions wait')}</h1>
                <p class="note">${[stats.asks?.leased > 0 && `${stats.asks.leased} being answered`, stats.asks?.snoozed > 0 && `${stats.asks.snoozed} put aside`,
        stats.asks?.overdue > 0 && `${stats.asks.overdue} overdue`, Number(stats.reviewed?.seconds_median) > 0 && `${duration(stats.reviewed.seconds_median)} a card (median)`].filter(Boolean).join(' · ')}</p></div>
                ${asks.length > 0 && html`<a class="button primary" href="#/next">Review <kbd>↵</kbd></a>`}</header>
            ${problem && html`<p class="notice error" role="alert">${problem.message}</p>`}
            ${sums.size > 1 && html`<p class="chips">${[...sums].map(([key, { name, count }]) => html`<a class="chip" href=${`#/next?${key}`}>${name} <span class="count">${count}</span></a>`)}</p>`}
            ${asks.length === 0 ? html`<p class="empty">Jobs that need a person appear here by themselves. <a href="#/jobs">All jobs</a></p>`
            : html`<div class="scroll"><table class="list"><thead><tr><th scope="col">Job</th><th scope="col">Asked</th><th scope="col">Pipeline</th><th scope="col">Since</th><th scope="col">Due</th><th scope="col">At work</th></tr></thead>
                <tbody>${asks.map((ask) => html`<${Line} key=${ask.id} ask=${ask} me=${me}/>`)}</tbody></table></div>`}
            ${data.more && html`<p class="note">Only the first ${asks.length} are listed.</p>`}
        </div>`;
    }
}

function Line({ ask, me }) {
    const is_late = ask.due_at && Date.parse(ask.due_at) < Date.now();
    const holder = presence.of(ask.id, ask.lease);
    const is_mine = holder !== null && (holder.is_mine ?? holder.by === me);
    const is_held = holder !== null && !is_mine;
    const is_asleep = ask.snoozed_until && Date.parse(ask.snoozed_until) > Date.now();
    return html`<tr class=${classes(is_held && 'held', is_asleep && 'asleep')}>
        <th scope="row"><a href=${`#/ask/${ask.id}`}>${ask.job.path}</a></th>
        <td class="what">${ask.audit ? 'audit: is all of it right?' : ask.questions.length === 0 ? '' : ask.questions[0].question}${ask.questions.length > 1 ? html` <span class="more">+${ask.questions.length - 1}</span>` : null}</td>
        <td class="pipeline">${ask.job.pipeline}${ask.group ? html` <span class="tag">${ask.group}</span>` : null}</td>
        <td class="time" data-label="asked" title=${ask.asked_at}>${ago(ask.asked_at)}</td>
        <td class=${classes('time', is_late && 'late')} data-label="due" title=${ask.due_at ?? ''}>${ask.due_at ? ago(ask.due_at) : ''}</td>
        <td class="note" data-label="at work">${holder !== null ? `${is_mine ? 'you' : holder.by}${holder.is_writing && !is_mine ? ', writing' : ''}` : is_asleep ? `aside, ${ago(ask.snoozed_until)}` : ask.draft ? 'draft' : ''}</td>
    </tr>`;
}
