// SPDX-License-Identifier: MIT
// Corrections out, as training data.
import * as api from './api.js';
import { html, ago } from './dom.js';
import { size_text } from './jobs_page.js';
import { Page } from './page.js';

/* What they are for; the engine says which there are. */
const formats = [
    ['foundry', 'everything, as it was recorded'], ['gemini', 'Vertex AI supervised tuning'], ['openai-chat', 'chat fine-tuning'],
    ['openai-dpo', 'preferences'], ['trl-sft', 'Hugging Face TRL, supervised'], ['trl-dpo', 'Hugging Face TRL, preferences'],
    ['trl-kto', 'Hugging Face TRL, good or bad'], ['alpaca', 'instruction, input, output'], ['sharegpt', 'conversations'],
    ['nvidia-flywheel', 'NVIDIA data flywheel'], ['argilla', 'Argilla records'], ['label-studio', 'Label Studio tasks'], ['coco', 'boxes for detectors'], ['yolo', 'boxes for detectors'],
];

export class ExportPage extends Page {
    async fetch() {
        const [exports, pipelines, stats] = await Promise.all([api.get('/v1/exports').catch(() => ({ items: [] })), api.get('/v1/pipelines').catch(() => ({ items: [] })), api.get('/v1/stats').catch(() => ({}))]);
        return { exports: exports.items ?? [], pipelines: pipelines.items ?? [], formats: exports.formats ?? pipelines.formats ?? null, stats };
    }
    create = async (event) => {
        event.preventDefault();
        const { format, pipeline, prefix } = event.target.elements;
        const options = prefix?.value ? { uri_prefix: prefix.value } : {};
        this.setState({ busy: true, problem: null });
        try {
            await api.post('/v1/exports', { format: format.value, pipeline: pipeline?.value || undefined, options }, { key: crypto.randomUUID?.() });
        } catch (problem) {
            this.setState({ problem });
        }
        this.setState({ busy: false });
        this.load();
    };
    render(props, { data, problem, busy }) {
        if (data === null) {
            return html`<div class="page"><h1>Export</h1>${problem ? html`<p class="notice error" role="alert">${problem.message}</p>` : html`<p class="empty" role="status">Loading…</p>`}</div>`;
        }
        const reviewed = data.stats.reviewed ?? {};
        const count = Number(reviewed.corrected ?? 0) + Number(reviewed.accepted ?? 0) + Number(reviewed.rejected ?? 0);
        const known = data.formats === null ? formats : data.formats.map((name) => formats.find(([one]) => one === name) ?? [name, '']);
        return html`<div class="page export">
            <header class="head"><div><h1>Export</h1><p class="note">${count === 1 ? '1 answer is' : `${count} answers are`} on record. The same answers give the same bytes, on any machine.</p></div></header>
            ${problem && html`<p class="notice error" role="alert">${problem.message}</p>`}
            <form class="making" onSubmit=${this.create}>
                <label>Format <select name="format">${known.map(([name, what]) => html`<option value=${name}>${name}${what ? ` – ${what}` : ''}</option>`)}</select></label>
                ${data.pipelines.length > 0 && html`<label>Pipeline <select name="pipeline"><option value="">all</option>${data.pipelines.map((one) => html`<option value=${one.name}>${one.name}</option>`)}</select></label>`}
                <label>Where the files will lie <input name="prefix" type="text" placeholder="gs://bucket/" autocomplete="off"/></label>
                <button type="submit" class="primary" disabled=${busy}>${busy ? 'Writing…' : 'Export'}</button>
            </form>
            ${data.exports.length === 0 ? html`<p class="empty">Nothing was exported from here yet.</p>` : html`<div class="scroll"><table class="list"><thead><tr><th scope="col">Export</th><th scope="col" class="number">lines</th><th scope="col" class="number">size</th><th scope="col">SHA-256</th><th scope="col">made</th><th scope="col"><span class="hidden">Files</span></th></tr></thead>
                <tbody>${data.exports.map((one) => html`<tr><th scope="row">${[one.format, one.pipeline].filter(Boolean).join(' · ') || one.id}</th><td class="number" data-label="lines">${one.lines ?? ''}</td><td class="number" data-label="size">${one.size === undefined || one.size === null ? '' : size_text(one.size)}</td>
                    <td data-label="SHA-256"><code title=${one.sha256}>${(one.sha256 ?? '').slice(0, 16)}</code></td><td class="time" data-label="made">${one.created_at || one.at ? ago(one.created_at ?? one.at) : one.state}</td>
                    <td>${one.url && html`<a href=${one.url} download>Download</a>`}${one.manifest_url && html` · <a href=${one.manifest_url} download>Manifest</a>`}</td></tr>`)}</tbody></table></div>`}
        </div>`;
    }
}
