// SPDX-License-Identifier: MIT
// All jobs, and what happened to one.
import * as api from './api.js';
import { html, ago, classes, clock, duration } from './dom.js';
import { write } from './json.js';
import { Page } from './page.js';
import { presence } from './presence.js';

const states = ['queued', 'running', 'retrying', 'paused', 'completed', 'failed', 'cancelled'];

export class JobsPage extends Page {
    must_load(before) {
        return before.query.state !== this.props.query.state || before.query.pipeline !== this.props.query.pipeline || before.query.path !== this.props.query.path;
    }
    async fetch() {
        const { state, pipeline, path } = this.props.query;
        const [jobs, stats] = await Promise.all([api.get(`/v1/jobs${api.query({ state, pipeline, path, limit: 100 })}`), api.get(`/v1/stats${api.query({ pipeline })}`).catch(() => ({}))]);
        return { items: jobs.items, next: jobs.next, stats, key: JSON.stringify(this.props.query) };
    }
    more = async () => {
        const { data } = this.state;
        const { state, pipeline, path } = this.props.query;
        try {
            const reply = await api.get(`/v1/jobs${api.query({ state, pipeline, path, limit: 100, cursor: data.next })}`);
            this.setState({ data: { ...data, items: [...data.items, ...reply.items], next: reply.next } });
        } catch (problem) {
            this.setState({ problem });
        }
    };
    render({ query }, { data, problem }) {
        const link = (state) => `#/jobs${api.query({ ...query, state })}`;
        const search = (event) => {
            event.preventDefault();
            location.hash = `#/jobs${api.query({ ...query, path: event.target.elements.path.value })}`;
        };
        return html`<div class="page jobs">
            <header class="head"><h1>Jobs</h1><form class="find" onSubmit=${search}><input type="search" name="path" placeholder="Find by path" aria-label="Find jobs by path" defaultValue=${query.path ?? ''}/></form></header>
            <p class="chips"><a class="chip" href=${link(undefined)} aria-current=${query.state ? undefined : 'true'}>all</a>
                ${states.filter((state) => Number(data?.stats?.jobs?.[state] ?? 0) > 0 || state === query.state).map((state) => html`<a class="chip" href=${link(state)} aria-current=${query.state === state ? 'true' : undefined}>
                    <span class=${`dot ${state}`}></span>${state} <span class="count">${Number(data?.stats?.jobs?.[state] ?? 0)}</span></a>`)}</p>
            ${problem && html`<p class="notice error" role="alert">${problem.message}</p>`}
            ${data === null ? problem === null && html`<p class="empty" role="status">Loading…</p>`
            : data.items.length === 0 ? html`<p class="empty">No such job.</p>`
            : html`<div class="scroll"><table class="list"><thead><tr><th scope="col">Job</th><th scope="col">State</th><th scope="col">Pipeline</th><th scope="col">Phase</th><th scope="col">Why</th><th scope="col">Last moved</th></tr></thead>
                <tbody>${data.items.map((job) => html`<tr key=${job.id}>
                    <th scope="row"><a href=${`#/job/${job.id}`}>${job.path}</a></th>
                    <td><${JobState} job=${job}/></td><td data-label="pipeline">${job.pipeline}</td><td data-label="phase">${job.phase ?? ''}</td>
                    <td class="what">${job.error ? job.error.message : job.wait ? (job.wait.ask ? html`<a href=${`#/ask/${job.wait.ask}`}>${job.wait.message ?? 'waits for a person'}</a>` : job.wait.message) : ''}</td>
                    <td class="time" data-label="moved" title=${job.updated_at}>${ago(job.updated_at)}</td></tr>`)}</tbody></table></div>`}
            ${data?.next && html`<p><button type="button" onClick=${this.more}>Show more</button></p>`}
        </div>`;
    }
}

function JobState({ job }) {
    const is_moving = job.state === 'running' || job.state === 'retrying' || job.state === 'queued';
    return html`<span class=${`job-state ${job.state}`}><span class=${`dot ${job.state}`}></span>${job.state}${is_moving ? ` ${Math.round(Number(job.percent ?? 0))} %` : ''}</span>`;
}

export class JobPage extends Page {
    componentDidMount() {
        super.componentDidMount();
        this.unwatch = presence.watch(() => this.setState({}));
    }
    componentWillUnmount() {
        super.componentWillUnmount();
        this.unwatch();
    }
    /* "…, being answered by ann" */
    holder(job) {
        const holder = job.wait?.ask ? presence.of(job.wait.ask, null) : null;
        return holder === null ? '' : `, being answered by ${holder.by === this.props.me ? 'you' : holder.by}`;
    }
    fetch() {
        return api.get(`/v1/jobs/${this.props.id}`);
    }
    act = async (what, body) => {
        try {
            await api.post(`/v1/jobs/${this.props.id}/${what}`, body);
        } catch (problem) {
            this.setState({ problem });
        }
        this.load();
    };
    render(props, { data: job, problem }) {
        if (job === null) {
            return html`<div class="page">${problem ? html`<h1>Job</h1><p class="notice error" role="alert">${problem.message}</p>` : html`<p class="empty" role="status">Loading…</p>`}</div>`;
        }
        const is_over = ['completed', 'failed', 'cancelled'].includes(job.state);
        const result = job.result ?? null;
        return html`<div class="page job">
            <p class="crumbs"><a href="#/jobs">Jobs</a> › ${job.pipeline}</p>
            <header class="head"><div><h1>${job.path}</h1><p class="note"><${JobState} job=${job}/> · ${job.directory} · revision ${job.revision} · since ${clock(job.created_at)}</p></div>
                <div class="row">${job.wait?.ask && html`<a class="button primary" href=${`#/ask/${job.wait.ask}`}>Answer</a>`}
                    ${job.state === 'failed' && html`<button type="button" onClick=${() => this.act('retry', {})}>Try again</button>`}
                    ${!is_over && html`<button type="button" class="danger" onClick=${() => this.act('cancel', {})}>Cancel</button>`}</div></header>
            ${problem && html`<p class="notice error" role="alert">${problem.message}</p>`}
            ${job.error && html`<div class="notice error"><p><strong>${job.error.phase ?? 'The job'}: ${job.error.message}</strong></p><p class="note">${job.error.code}${job.error.pointer ? ` at ${job.error.pointer}` : ''}</p></div>`}
            ${job.wait && html`<p class="notice wait">${job.wait.message ?? job.wait.reason}${this.holder(job)}${job.wait.due_at ? `, due ${ago(job.wait.due_at)}` : ''}</p>`}
            <div class="columns">
                <section><h2>What happened</h2><ol class="timeline">${(job.timeline ?? []).map((event, i, list) => html`<${Event} key=${event.event} event=${event} before=${list[i - 1]}/>`)}</ol></section>
                <section>
                    ${result !== null && html`<h2>Result</h2><pre class="document" tabindex="0" aria-label="Result">${write(result, 2)}</pre>`}
                    ${result === null && Object.keys(job.outputs ?? {}).length > 0 && html`<h2>So far</h2>${Object.entries(job.outputs).map(([phase, output], i, list) => html`<details class="output" open=${i === list.length - 1}><summary>${phase}</summary>
                        <pre class="document" tabindex="0" aria-label=${`Output of ${phase}`}>${write(output, 2)}</pre></details>`)}`}
                    ${(job.artifacts ?? []).length > 0 && html`<h2>Files</h2><ul class="files">${job.artifacts.map((artifact) => html`<li><a href=${artifact.url ?? `/v1/jobs/${job.id}/artifacts/${encodeURIComponent(artifact.name)}`}>${artifact.name}</a>
                        <span class="note">${[artifact.media_type, artifact.size !== undefined && size_text(artifact.size)].filter(Boolean).join(' · ')}</span></li>`)}</ul>`}
                </section>
            </div>
        </div>`;
    }
}

export const size_text = (bytes) => {
    const size = Number(bytes);
    return size < 1000 ? `${size} B` : size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(1)} MB`;
};

const words = { answer: 'answered', ask: 'asks', output: 'done', job: 'created', start: 'started', cancel: 'cancelled', fail: 'failed', retry: 'to be tried again', undo: 'answer taken back', reopen: 'opened again' };

function Event({ event, before }) {
    const kind = String(event.kind);
    const is_bad = /fail|crash|timeout|refused/.test(kind), is_human = /answer|undo|reopen|correct/.test(kind), is_question = /ask|pause|wait/.test(kind);
    const changes = event.changes ?? [];
    const took = is_human ? null : event.seconds ?? (kind === 'output' && before && before.kind !== 'answer' ? (Date.parse(event.at) - Date.parse(before.at)) / 1000 : null);
    const of = event.plugin ? `${event.plugin.id}${event.plugin.version ? ` ${event.plugin.version}` : ''}` : null;
    return html`<li class=${classes(is_bad && 'bad', is_human && 'human', is_question && 'question')}>
        <p class="what"><strong>${kind === 'job' ? 'job' : event.phase ?? 'job'}</strong> ${words[kind] ?? kind.replace(/_/g, ' ')}${event.attempt > 1 ? html` <span class="tag">attempt ${event.attempt}</span>` : null}
            <time dateTime=${event.at} title=${event.at}>${clock(event.at)}</time></p>
        ${(of || event.level || took !== null) && html`<p class="note">${[of, event.level, took !== null && (took < 1 ? `${Math.round(took * 1000)} ms` : duration(took < 10 ? Number(took.toFixed(1)) : took))].filter(Boolean).join(' · ')}
            ${event.plugin?.sha256 ? html` <code title=${event.plugin.sha256}>${event.plugin.sha256.slice(0, 12)}</code>` : null}</p>`}
        ${event.message && html`<p class="message">${event.message}</p>`}
        ${(event.by || event.reason) && html`<p class="note">${[event.by && `by ${event.by}`, event.via && `from ${event.via}`, event.verdict, Number(event.seconds) > 0 && is_human && duration(event.seconds)].filter(Boolean).join(' · ')}${event.reason ? `: ${event.reason}` : ''}</p>`}
        ${changes.length > 0 && html`<details open=${changes.length <= 8}><summary>${changes.length === 1 ? '1 place changed' : `${changes.length} places changed`}</summary>
            <table class="diff"><tbody>${changes.map((change) => html`<tr><th scope="row">${change.pointer || '/'}</th>
                <td class="from">${'from' in change ? short(change.from) : ''}</td><td class="to">${'to' in change ? short(change.to) : html`<em>removed</em>`}</td></tr>`)}</tbody></table></details>`}
    </li>`;
}

const short = (value) => {
    const text = typeof value === 'string' ? value : write(value);
    return text.length > 160 ? `${text.slice(0, 160)}…` : text === '' ? '""' : text;
};
