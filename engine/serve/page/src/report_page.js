// SPDX-License-Identifier: MIT
// What review did: how much went by itself, what was corrected, what it took, which detectors hit.
import * as api from './api.js';
import { Curves, gates_of } from './curve.js';
import { ReasonDialog } from './dialog.js';
import { html, ago, duration, percent_about } from './dom.js';
import { write } from './json.js';
import { Page } from './page.js';
import { Bars } from './plot.js';

const number = (value) => Number(value ?? 0);
const curve_rest_ms = 5000;

export class ReportPage extends Page {
    async fetch() {
        const [stats, rules, curve] = await Promise.all([api.get('/v1/stats'), api.get('/v1/rules').catch(() => ({ items: [] })), this.curve()]);
        return { stats, rules: rules.items ?? [], ...curve };
    }
    componentWillUnmount() {
        super.componentWillUnmount();
        clearTimeout(this.curve_later);
    }
    /* The engine reads its whole record for the curve, so it is not asked at every event. */
    async curve() {
        const rest_ms = (this.curve_at ?? -Infinity) + curve_rest_ms - performance.now();
        if (rest_ms > 0) {
            this.curve_later ??= setTimeout(() => {
                this.curve_later = undefined;
                this.load();
            }, rest_ms);
            return this.curve_kept;
        }
        this.curve_at = performance.now();
        const { items = [] } = await api.get('/v1/curve');
        const text = JSON.stringify(items);
        if (text !== this.curve_text) {
            this.curve_text = text;
            this.curve_kept = { gates: gates_of(items), sentences: items.flatMap((one) => one.sentences ?? []) };
        }
        return this.curve_kept;
    }
    revoke = async (rule, reason) => {
        this.setState({ revoking: null });
        try {
            await api.post(`/v1/rules/${rule.id}/revoke`, { reason });
        } catch (problem) {
            this.setState({ problem });
        }
        this.load();
    };
    render({ theme }, { data, problem, revoking }) {
        if (data === null) {
            return html`<div class="page"><h1>Report</h1>${problem ? html`<p class="notice error" role="alert">${problem.message}</p>` : html`<p class="empty" role="status">Loading…</p>`}</div>`;
        }
        const { stats, rules, gates, sentences } = data;
        const reviewed = stats.reviewed ?? {};
        const auto = number(reviewed.auto_accepted), corrected = number(reviewed.corrected), accepted = number(reviewed.accepted), rejected = number(reviewed.rejected);
        const all = auto + corrected + accepted + rejected;
        const days = (stats.days ?? []).map((day) => day.date);
        const of = (name) => (stats.days ?? []).map((day) => number(day[name]));
        const share = (count) => (all === 0 ? '' : percent_about(count / all));
        return html`<div class="page report">
            <header class="head"><h1>Report</h1></header>
            ${problem && html`<p class="notice error" role="alert">${problem.message}</p>`}
            <dl class="figures">
                <${Figure} name="auto-accepted" value=${auto} note=${share(auto)}/>
                <${Figure} name="corrected" value=${corrected} note=${share(corrected)}/>
                <${Figure} name="confirmed" value=${accepted} note=${share(accepted)}/>
                ${rejected > 0 && html`<${Figure} name="rejected" value=${rejected} note=${share(rejected)}/>`}
                <${Figure} name="fields changed" value=${number(reviewed.fields_changed)} note=${`of ${number(reviewed.fields_total)}`}/>
                <${Figure} name="a card, median" value=${corrected + accepted + rejected === 0 ? '–' : duration(reviewed.seconds_median)} note=${`${duration(reviewed.seconds_total ?? 0)} in all`}/>
            </dl>
            ${days.length > 0 && html`<div class="plots">
                <${Bars} theme=${theme} title="Jobs a day" days=${days} series=${[{ name: 'auto-accepted', colour: '--accent', values: of('auto_accepted') }, { name: 'asked', colour: '--doubt-line', values: of('asked') }]}/>
                <${Bars} theme=${theme} title="Seconds of people a day" days=${days} unit=" s" series=${[{ name: 'seconds', colour: '--accent', values: of('seconds').map((value) => Number(value.toFixed(1))) }]}/>
            </div>`}
            <${Curves} gates=${gates ?? []} sentences=${sentences ?? []} theme=${theme}/>
            <section><h2>Detectors</h2>
                ${(stats.detectors ?? []).length === 0 ? html`<p class="empty">No answer has told yet which detectors hit.</p>` : html`<div class="scroll"><table class="list"><thead><tr><th scope="col">Detector</th><th scope="col" class="number">asked</th><th scope="col" class="number">corrected</th><th scope="col" class="number">right all along</th><th scope="col">hits</th></tr></thead>
                <tbody>${stats.detectors.map((one) => {
        const ended = number(one.corrected) + number(one.confirmed);
        return html`<tr><th scope="row">${one.detector}</th><td class="number" data-label="asked">${number(one.asked)}</td><td class="number" data-label="corrected">${number(one.corrected)}</td><td class="number" data-label="right all along">${number(one.confirmed)}</td>
                    <td data-label="hits">${ended > 0 && html`<meter min="0" max="1" value=${number(one.corrected) / ended} aria-label=${`Hits of ${one.detector}`}></meter> ${percent_about(number(one.corrected) / ended)}`}</td></tr>`;
    })}</tbody></table></div>`}</section>
            ${rules.length > 0 && html`<section><h2>Standing answers</h2><p class="note">Questions that these settle are not asked again.</p>
                <div class="scroll"><table class="list"><thead><tr><th scope="col">Question</th><th scope="col">Answer</th><th scope="col">Given</th><th scope="col" class="number">settled</th><th scope="col"><span class="hidden">Revoke</span></th></tr></thead>
                <tbody>${rules.map((rule) => html`<${Rule} key=${`${rule.id} ${rule.question}`} rule=${rule} on_revoke=${() => this.setState({ revoking: rule })}/>`)}</tbody></table></div></section>`}
            ${revoking && html`<${ReasonDialog} title="Revoke this answer" action="Revoke" text="Jobs that it settled are asked again." on_close=${() => this.setState({ revoking: null })} on_done=${(reason) => this.revoke(revoking, reason)}/>`}
        </div>`;
    }
}

/* An answer that settles its twins: {"": value}, or values by pointer below what was asked. */
function Rule({ rule, on_revoke }) {
    const values = rule.values ?? {};
    const names = Object.keys(values);
    const answer = names.length === 1 && names[0] === '' ? values[''] : values;
    const ended = rule.ended ? [rule.state, rule.ended.by && `by ${rule.ended.by}`, rule.ended.at && ago(rule.ended.at)].filter(Boolean).join(' ') : '';
    return html`<tr class=${rule.state === 'holds' ? '' : 'asleep'}><th scope="row"><a href=${`#/ask/${rule.ask}`}>${rule.asked ?? rule.kind ?? rule.fingerprint.slice(0, 12)}</a></th>
        <td data-label="Answer">${typeof answer === 'string' ? answer : write(answer)}</td>
        <td class="time" data-label="Given" title=${rule.at}>${[rule.by, rule.at && ago(rule.at)].filter(Boolean).join(', ')}</td>
        <td class="number" data-label="Settled">${number(rule.settled)}</td>
        <td>${rule.state === 'holds' ? html`<button type="button" class="small" onClick=${on_revoke} aria-label=${`Revoke the answer to ${rule.asked ?? rule.kind}`}>Revoke</button>`
        : html`<span class="note" title=${rule.ended?.reason ?? ''}>${ended}${rule.ended?.reason ? `: ${rule.ended.reason}` : ''}</span>`}</td></tr>`;
}

const Figure = ({ name, value, note }) => html`<div><dt>${name}</dt><dd>${value}<span class="note">${note}</span></dd></div>`;
