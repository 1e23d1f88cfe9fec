// SPDX-License-Identifier: MIT
// The review page: which page is shown, the bar above, what holds for all of them.
import { Component, render } from 'preact';
import * as api from './api.js';
import { CardView } from './card_view.js';
import { Help } from './dialog.js';
import { html, classes, duration, is_typing, plural, settings } from './dom.js';
import { ExportPage } from './export_page.js';
import { JobPage, JobsPage } from './jobs_page.js';
import { Queue } from './queue.js';
import { QueuePage } from './queue_page.js';
import { presence } from './presence.js';
import { ReportPage } from './report_page.js';

/* "#/ask/1-2?group=leads" → {name: "ask", id: "1-2", query: {group: "leads"}} */
function route_read() {
    const [path, search = ''] = location.hash.replace(/^#\/?/, '').split('?');
    const [name = '', id = ''] = path.split('/').map((part) => {
        try {
            return decodeURIComponent(part);
        } catch (error) {
            return '';
        }
    });
    return { name, id, query: Object.fromEntries(new URLSearchParams(search)) };
}

const tabs = [['', 'Queue'], ['jobs', 'Jobs'], ['report', 'Report'], ['export', 'Export']];

class App extends Component {
    state = {
        route: route_read(), session: null, problem: null, is_live: null, help: false, tick: 0,
        letters: settings.get('letters', 'on') === 'on', theme: settings.get('theme', 'auto'),
    };
    queue = new Queue();
    hash = location.hash; // the address that `route` was read from

    componentDidMount() {
        document.documentElement.dataset.theme = this.state.theme;
        this.queue.watch(() => this.on_queue());
        this.queue.recount = () => this.count();
        addEventListener('hashchange', () => this.on_route());
        addEventListener('keydown', this.on_key);
        addEventListener('beforeunload', (event) => {
            if (this.queue.cards.some((card) => card.state === 'sending')) {
                event.preventDefault(); // an answer is still on its way
            }
        });
        this.begin();
    }

    async begin() {
        try {
            const session = await api.get('/v1/session');
            this.setState({ session, problem: null });
            this.follow ??= api.follow((name, data) => this.on_event(name, data), (is_live) => this.setState({ is_live }));
            this.count();
            this.on_route();
        } catch (problem) {
            this.setState({ problem });
            if (problem.is_away) {
                setTimeout(() => this.begin(), 2000);
            }
        }
    }

    async count() {
        const turn = (this.count_turn = (this.count_turn ?? 0) + 1);
        try {
            const stats = await api.get('/v1/stats');
            if (turn !== this.count_turn) {
                return;
            }
            this.queue.open_count = Number(stats.asks?.open ?? 0);
            this.queue.changed();
        } catch (problem) {
            // the number is an extra
        }
    }

    on_event(name, data) {
        if (presence.heard(name, data)) {
            this.queue.heard_lease(name, data);
            if (name === 'ask.released') {
                this.look(); // what another one left may be taken
            }
            return;
        }
        if (name === 'ask' || name === 'job' || name === 'lease') {
            this.queue.heard(data);
            clearTimeout(this.event_timer);
            this.event_timer = setTimeout(() => {
                this.count();
                this.setState(({ tick }) => ({ tick: tick + 1 }));
                this.look();
            }, 250);
        }
    }

    /* Who sees that nothing waits is shown the next card by itself. */
    look() {
        const { current, is_loading, open_trouble } = this.queue;
        if (this.is_reviewing && current === null && !is_loading && open_trouble === null) {
            this.queue.look();
        }
    }

    get is_reviewing() {
        return this.state.route.name === 'next' || this.state.route.name === 'ask';
    }

    on_route() {
        const route = route_read();
        this.hash = location.hash;
        this.setState({ route });
        if (route.name === 'ask') {
            if (this.queue.current?.id !== route.id) {
                this.queue.open(route.id);
            }
        } else if (route.name === 'next') {
            this.queue.filter = route.query;
            this.queue.next();
        } else {
            this.queue.hide();
            document.title = `${tabs.find(([name]) => name === route.name)?.[1] ?? 'Job'} · Foundry`;
        }
    }

    /* The address follows the card, so that a reload finds it again. */
    on_queue() {
        if (this.is_reviewing && location.hash === this.hash) { // else the person is on the way elsewhere
            const card = this.queue.current;
            const hash = card !== null ? `#/ask/${card.id}` : this.queue.is_loading ? location.hash : '#/next';
            if (location.hash !== hash) {
                history.replaceState(null, '', hash);
                this.hash = location.hash;
                this.state.route = route_read();
            }
            document.title = card === null ? 'Review · Foundry' : `${card.ask.job.path} · Foundry`;
        }
        this.setState({});
    }

    on_key = (event) => {
        if (is_typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) {
            return;
        }
        if (event.key === '?') {
            this.setState({ help: true });
            event.preventDefault();
        } else if (!(this.is_reviewing && this.queue.current !== null) && this.state.letters && event.key.toLowerCase() === 'u') {
            this.undo();
        }
    };

    /* To the card that is open again, from whichever page. */
    undo = async () => {
        const card = await this.queue.undo();
        if (card !== null && !this.is_reviewing) {
            location.hash = `#/ask/${card.id}`;
        }
    };

    page() {
        const { route, session, tick, letters } = this.state;
        if (session === null) {
            return null;
        }
        switch (route.name) {
        case 'ask':
        case 'next':
            return this.review(letters);
        case 'jobs':
            return html`<${JobsPage} tick=${tick} query=${route.query}/>`;
        case 'job':
            return html`<${JobPage} key=${route.id} id=${route.id} tick=${tick} me=${session.by}/>`;
        case 'report':
            return html`<${ReportPage} tick=${tick} theme=${this.state.theme}/>`;
        case 'export':
            return html`<${ExportPage} tick=${tick}/>`;
        default:
            return html`<${QueuePage} tick=${tick} me=${session.by}/>`;
        }
    }

    review(letters) {
        const { queue } = this;
        if (queue.current !== null) {
            return html`<${CardView} key=${`${queue.current.serial} ${queue.current.ask.version}`} card=${queue.current} queue=${queue} letters=${letters}/>`;
        }
        if (queue.problem !== null) {
            return html`<div class="center"><h1>The card cannot be shown</h1><p>${queue.problem.message}</p>
                <div class="row"><button type="button" class="primary" onClick=${() => queue.next()}>Next card</button><a class="button" href="#/">To the queue</a></div></div>`;
        }
        if (queue.is_loading) {
            return html`<div class="center" role="status"><p>Loading…</p></div>`;
        }
        return html`<div class="center done" role="status"><h1>All done</h1>
            <p>${queue.count > 0 ? `${queue.count} answered in this sitting, ${duration(queue.median)} each (median).` : 'No card waits for you.'}
                ${queue.skipped.size > 0 ? ` ${queue.skipped.size} put aside.` : ''}</p>
            <p class="note">New questions appear here by themselves.</p>
            <div class="row">${queue.skipped.size > 0 && html`<button type="button" onClick=${() => { queue.skipped.clear(); queue.next(); }}>Take up what was put aside</button>`}
                <a class="button" href="#/report">Report</a><a class="button" href="#/export">Export</a></div></div>`;
    }

    bar() {
        const { queue } = this;
        const { route, session, is_live } = this.state;
        const here = { ask: '', next: '', job: 'jobs' }[route.name] ?? route.name;
        const open = queue.open_count;
        return html`<header class="bar">
            <a class="brand" href="#/" aria-label="Foundry, to the queue"><img src="/favicon.svg" alt="" width="22" height="22"/><span>Foundry</span></a>
            <nav aria-label="Pages">${tabs.map(([name, title]) => html`<a href=${`#/${name}`} aria-current=${name === here ? 'page' : undefined}>${title}
                ${name === '' && open > 0 ? html` <span class="count">${open}</span>` : null}</a>`)}</nav>
            <span class="gap"></span>
            ${queue.count > 0 && html`<span class="progress" title="Answered in this sitting, and the median time for one">
                <progress max=${queue.count + (open ?? 0)} value=${queue.count} aria-label="Answered of all"></progress>
                ${queue.count} of ${queue.count + (open ?? 0)} · ${duration(queue.median)}</span>`}
            ${queue.unsent > 0 && html`<span class="unsent" role="status">${plural(queue.unsent, 'answer')} kept here and sent again</span>`}
            ${is_live === false && html`<span class="away" role="status">engine away</span>`}
            <span class="who">${session?.by ?? ''}</span>
            <button type="button" class="icon" onClick=${() => this.setState({ help: true })} aria-label="Keys and settings" title="Keys and settings (?)">?</button>
        </header>`;
    }

    toast() {
        const { toast, conflicts } = this.queue;
        return html`<div class="toasts">
            ${conflicts.map((one) => html`<div class="toast error" role="alert"><span>${one.card.ask.job.path} ${one.what}.</span>
                <button type="button" onClick=${() => { conflicts.splice(conflicts.indexOf(one), 1); this.queue.show(one.card); }}>Go there</button></div>`)}
            ${toast && html`<div class=${classes('toast', toast.kind)} role=${toast.kind === 'error' ? 'alert' : 'status'}><span>${toast.text}</span>
                ${toast.entry && this.queue.answers.includes(toast.entry) && html`<button type="button" onClick=${this.undo}>Undo <kbd>U</kbd></button>`}</div>`}
        </div>`;
    }

    render(props, { problem, session, help, letters, theme, is_live }) {
        const away = problem !== null && session === null;
        return html`${this.bar()}
            <main class=${this.is_reviewing ? 'reviewing' : ''}>
                ${away && html`<div class="center"><h1>${problem.status === 401 ? 'Please log in' : 'The engine does not answer'}</h1>
                    <p>${problem.status === 401 ? 'Open the login link that foundry-engine serve printed when it started.' : `${problem.message} This page tries again by itself.`}</p></div>`}
                ${is_live === false && this.is_reviewing && html`<p class="notice wait" role="status">The engine is away. What you type is kept here and sent when it is back.</p>`}
                ${this.page()}
            </main>
            ${this.toast()}
            ${help && html`<${Help} on_close=${() => this.setState({ help: false })} letters=${letters} theme=${theme}
                on_letters=${(is_on) => { settings.set('letters', is_on ? 'on' : 'off'); this.setState({ letters: is_on }); }}
                on_theme=${(name) => { settings.set('theme', name); document.documentElement.dataset.theme = name; this.setState({ theme: name }); }}/>`}`;
    }
}

render(html`<${App}/>`, document.getElementById('app'));
