// SPDX-License-Identifier: MIT
// Whether people are asked less, and whether what they are not asked about is right: by version of
// what reads, and by day. The sentences are the engine's.
import { html, duration, percent_about } from './dom.js';
import { Curve } from './plot.js';

const number = (value) => Number(value ?? 0);
const tenth = (value) => Number(number(value).toFixed(1));

/* A pin's hash is of no use to people in full. */
const short = (version) => (/^[0-9a-f]{12,}$/.test(version) ? version.slice(0, 8) : version.length > 16 ? `${version.slice(0, 15)}…` : version);

/** {items: […]} of /v1/curve as gates: {key, title, versions, sentence}. */
export function gates_of(items) {
    const gates = [];
    for (const { directory, versions = [] } of items) {
        for (const version of versions) {
            const key = `${directory} ${version.pipeline} ${version.phase}`;
            let gate = gates.find((one) => one.key === key);
            if (gate === undefined) {
                gate = { key, title: `${version.pipeline}, ${version.phase}${items.length > 1 ? ` in ${directory}` : ''}`, versions: [] };
                gates.push(gate);
            }
            gate.versions.push(version);
        }
    }
    return gates;
}

/** What the plots of one gate show: a point for each day of each version. */
export function points_of(versions) {
    const points = [], starts = [];
    versions.forEach((version, i) => {
        starts.push({ at: points.length, name: short(version.version) });
        for (const day of version.days) {
            points.push({ version: i, day: day.day, counts: day, proven: version.proof?.proven === true });
        }
    });
    return { points, starts: starts.filter((start, i) => start.at < (starts[i + 1]?.at ?? points.length)) };
}

/* The figures of a version or a day, with the names that the table's columns have. */
const figures = (counts) => ({
    documents: number(counts.documents),
    unasked: percent_about(number(counts.unasked_share)),
    error: counts.error ? `${percent_about(number(counts.error.rate))} (${percent_about(number(counts.error.low))} to ${percent_about(number(counts.error.high))}), ${number(counts.wrong)} of ${number(counts.checked)}` : 'not checked',
    flagged: tenth(counts.flagged_per_100),
    seconds: duration(number(counts.seconds_per_100)),
});

function proof_of({ proof }) {
    if (!proof) {
        return 'unproven: no target is set';
    }
    const target = `${percent_about(number(proof.target))} a ${proof.per}`;
    return proof.proven ? `proven: at most ${target}` : `unproven: ${number(proof.missing)} clean checks are missing for ${target}`;
}

/** What was found of what people say is there: {version, label, found, objects, rate, low, high} a label
 *  of each version; of things without one, label and range are null. */
export function found_of(versions) {
    return versions.flatMap(({ version, all }) => {
        const labels = Object.entries(all.recall ?? {}).map(([label, one]) => ({ version, label, ...Object.fromEntries(Object.entries(one).map(([name, value]) => [name, number(value)])) }));
        const rest = { objects: number(all.objects), found: number(all.found) };
        for (const one of labels) {
            rest.objects -= one.objects;
            rest.found -= one.found;
        }
        return rest.objects > 0 ? [...labels, { version, label: null, ...rest, rate: rest.found / rest.objects, low: null, high: null }] : labels;
    });
}

/* Confidence tells nothing of what was never proposed: only who looks at the whole sees it. */
function Found({ versions }) {
    const rows = found_of(versions);
    return html`<div class="found"><h4>Found of what is there</h4>
        ${rows.length === 0 ? html`<p class="note">Not known yet: nobody has looked at a whole job with a list in it. What a model never proposes is never asked about; only audited jobs (<code>audit:</code>) show it.</p>`
        : html`<p class="note">Of the things that people who looked at everything say are there, how many the model had proposed by itself; the true share lies in the range with 95 %.</p>
        <div class="scroll"><table class="list"><thead><tr><th scope="col">Version</th><th scope="col">what</th><th scope="col">found</th><th scope="col">range</th><th scope="col" class="number">never proposed</th></tr></thead>
            <tbody>${rows.map((one) => html`<tr key=${`${one.version} ${one.label}`}><th scope="row" title=${one.version}>${short(one.version)}</th>
                <td data-label="what">${one.label ?? 'without a label'}</td><td data-label="found">${percent_about(one.rate)}, ${one.found} of ${one.objects}</td>
                <td data-label="range">${one.low === null ? 'not known' : `${percent_about(one.low)} to ${percent_about(one.high)}`}</td>
                <td class="number" data-label="never proposed">${one.objects - one.found}</td></tr>`)}</tbody></table></div>`}
    </div>`;
}

/** The plots and the table of one gate. */
function Gate({ gate, theme }) {
    const { versions } = gate;
    // Drawn anew only when something is new: every event of the engine comes by here.
    const key = JSON.stringify(versions);
    if (gate.drawn?.key !== key) {
        const { points, starts } = points_of(versions);
        const line = (value, more = () => ({})) => points.map((one) => ({ ...one, value: value(one.counts), ...more(one.counts) }));
        gate.drawn = {
            key, starts,
            share: line((counts) => number(counts.unasked_share) * 100),
            error: line((counts) => (counts.error ? number(counts.error.rate) * 100 : null), ({ error }) => (error ? { low: number(error.low) * 100, high: number(error.high) * 100 } : {})),
            flagged: line((counts) => number(counts.flagged_per_100)),
            seconds: line((counts) => number(counts.seconds_per_100)),
        };
    }
    const { starts, share, error, flagged, seconds } = gate.drawn;
    const proof = versions[versions.length - 1].proof;
    const target = proof ? number(proof.target) * 100 : null;
    return html`<div class="gate"><h3>${gate.title}</h3>
        <p class="legend"><span class="legend-item"><span class="swatch dot proven"></span>proven</span><span class="legend-item"><span class="swatch dot"></span>unproven</span><span class="note">A point is a day; a dashed line parts versions; whiskers hold the true rate with 95 %.</span></p>
        <div class="plots">
            <${Curve} theme=${theme} title="Accepted without a person" points=${share} starts=${starts} unit=" %" most=${100} target=${null}/>
            <${Curve} theme=${theme} title="Wrong where nobody was asked" points=${error} starts=${starts} unit=" %" most=${100} target=${target} target_name=${target === null ? '' : `target ${tenth(target)} %`}/>
            <${Curve} theme=${theme} title="Values asked about in 100 jobs" points=${flagged} starts=${starts} unit="" target=${null}/>
            <${Curve} theme=${theme} title="Seconds of people in 100 jobs" points=${seconds} starts=${starts} unit=" s" target=${null}/>
        </div>
        <div class="scroll"><table class="list curve"><caption class="hidden">${gate.title}: each version, and its days</caption>
            <thead><tr><th scope="col">Version, day</th><th scope="col" class="number">jobs</th><th scope="col" class="number">without a person</th><th scope="col">wrong among those</th><th scope="col" class="number">asked in 100</th><th scope="col" class="number">time in 100</th><th scope="col">Proof</th></tr></thead>
            ${versions.map((version) => html`<tbody key=${version.version}>
                <${Row} name=${short(version.version)} title=${version.version} counts=${version.all} proof=${proof_of(version)}/>
                ${version.days.length > 1 && version.days.map((day) => html`<${Row} key=${day.day} name=${day.day} counts=${day} day/>`)}
            </tbody>`)}
        </table></div>
        <${Found} versions=${versions}/></div>`;
}

function Row({ name, title, counts, proof, day }) {
    const told = figures(counts);
    return html`<tr class=${day ? 'day' : ''}><th scope="row" title=${title}>${name}</th>
        <td class="number" data-label="jobs">${told.documents}</td><td class="number" data-label="without a person">${told.unasked}</td>
        <td data-label="wrong among those">${told.error}</td><td class="number" data-label="asked in 100">${told.flagged}</td>
        <td class="number" data-label="time in 100">${told.seconds}</td><td data-label="proof">${proof}</td></tr>`;
}

/** The section of the report: gates = gates_of(…), kept by the caller. */
export function Curves({ gates, sentences, theme }) {
    return html`<section class="learning"><h2>Is it learning?</h2>
        ${sentences.map((sentence) => html`<p class="sentence">${sentence}</p>`)}
        ${gates.map((gate) => html`<${Gate} key=${gate.key} gate=${gate} theme=${theme}/>`)}
    </section>`;
}
