// SPDX-License-Identifier: MIT
// What a card without an image is about: a text, the document the job came with, or what was asked.
import { Component } from 'preact';
import * as api from './api.js';
import { html } from './dom.js';
import { is_object, write } from './json.js';

export class TextSource extends Component {
    state = { text: null, problem: null };
    async componentDidMount() {
        const { text } = this.props;
        if (text?.url) {
            try {
                const reply = await api.get(text.url);
                this.setState({ text: typeof reply === 'string' ? reply : write(reply, 2) });
            } catch (problem) {
                this.setState({ problem });
            }
        }
    }
    render({ card, text }, { text: fetched, problem }) {
        const lit = card.focus === null ? null : card.edits.shown && card.text(card.focus);
        const content = fetched ?? (typeof text === 'string' ? text : text?.content ?? text?.value) ?? null;
        const contexts = card.ask.questions.filter((question) => is_object(question.context)).map((question) => question.context);
        const items = contexts.map(({ choices, threshold, confidence, fingerprint, ...rest }) => rest).filter((rest) => Object.keys(rest).length > 0);
        return html`<section class="text-source" tabindex="0" aria-label="What it is about">
            ${problem && html`<p class="notice error">${problem.message}</p>`}
            ${items.length > 0 && !card.is_gate ? html`${items.map((item) => html`<${Facts} value=${item}/>`)}
                ${content !== null && html`<h2>The job came with</h2><pre>${mark(typeof content === 'string' ? content : write(content, 2), lit)}</pre>`}`
            : content !== null ? html`<pre>${mark(typeof content === 'string' ? content : write(content, 2), lit)}</pre>`
            : card.is_gate ? html`<pre>${write(card.edits.shown, 2)}</pre>` : html`<p class="empty">This question stands for itself.</p>`}
        </section>`;
    }
}

/* The lit value inside the text. */
function mark(text, value) {
    const at = value && value.length > 1 ? text.indexOf(value) : -1;
    return at < 0 ? text : [text.slice(0, at), html`<mark>${value}</mark>`, text.slice(at + value.length)];
}

function Facts({ value }) {
    const rows = (one, name = '') => (is_object(one) ? Object.keys(one).flatMap((key) => rows(one[key], name === '' ? key : `${name} › ${key}`)) : [[name, one]]);
    return html`<dl class="facts">${rows(value).map(([name, one]) => html`<div><dt>${name.replace(/_/g, ' ')}</dt><dd>${typeof one === 'string' ? one : write(one)}</dd></div>`)}</dl>`;
}
