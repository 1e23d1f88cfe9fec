// SPDX-License-Identifier: MIT
// A form of the pipeline's own: one ES module, described in README.md.
import { Component, createRef } from 'preact';
import { html } from './dom.js';
import { Form } from './form.js';

/* A path of the engine; anything else is no form that this page may load. */
export const is_form = (form) => typeof form === 'string' && /^\/v1\/[A-Za-z0-9_./?=%-]+$/.test(form);

export class CustomForm extends Component {
    place = createRef();
    state = { problem: null };
    async componentDidMount() {
        const { card } = this.props;
        try {
            const module = await import(card.ask.form);
            if (this.place.current === null) {
                return;
            }
            this.form = module.default(this.place.current, {
                ask: card.ask,
                get: (pointer) => card.edits.value(pointer),
                set: (pointer, value) => card.set(pointer, value),
                remove: (pointer) => card.remove_row(pointer),
                restore: (pointer) => card.restore_row(pointer),
                flaws: (pointer) => card.flaws_at(pointer),
                focus: (pointer) => card.set_focus(pointer),
                confidence: (pointer) => card.confidence(pointer),
            }) ?? {};
            this.unwatch = card.watch(() => this.form.update?.());
        } catch (problem) {
            this.setState({ problem });
        }
    }
    componentWillUnmount() {
        this.unwatch?.();
        this.form?.destroy?.();
    }
    render({ card }, { problem }) {
        return problem !== null
            ? html`<p class="notice error">The pipeline's own form does not load (${String(problem.message)}); this is the plain one.</p><${Form} card=${card}/>`
            : html`<div class="custom" ref=${this.place}></div>`;
    }
}
