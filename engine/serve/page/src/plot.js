// SPDX-License-Identifier: MIT
// Plots by uPlot, in the page's own colours.
import { Component, createRef } from 'preact';
import uPlot from 'uplot';
import { html } from './dom.js';

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const height = 190;
const steps = [1, 2, 5].flatMap((step) => [0.001, 0.01, 0.1, 1, 10, 100, 1e3, 1e4, 1e5, 1e6].map((power) => step * power)).sort((a, b) => a - b);

/** A drawing that is as wide as its place and follows the theme. What it shows is made by
 *  drawing(): {options, data} of uPlot; `same(before)`: whether that would be as it was. */
class Plot extends Component {
    place = createRef();
    componentDidMount() {
        this.draw();
        this.watcher = new ResizeObserver(() => this.plot?.setSize({ width: this.width, height }));
        this.watcher.observe(this.place.current);
        this.scheme = matchMedia('(prefers-color-scheme: dark)');
        this.scheme.addEventListener('change', this.draw);
    }
    componentDidUpdate(before) {
        if (before.theme !== this.props.theme || !this.same(before)) {
            this.draw();
        }
    }
    componentWillUnmount() {
        this.watcher.disconnect();
        this.scheme.removeEventListener('change', this.draw);
        this.plot?.destroy();
    }
    get width() {
        return Math.max(200, Math.floor(this.place.current.getBoundingClientRect().width));
    }
    axis() {
        const ink = colour('--muted'), line = colour('--line');
        return { stroke: ink, font: '12px system-ui, sans-serif', grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 } };
    }
    draw = () => {
        this.plot?.destroy();
        const { options, data } = this.drawing();
        this.plot = new uPlot({ width: this.width, height, padding: [10, 6, 0, 0], cursor: { show: false }, legend: { show: false }, ...options }, data, this.place.current);
    };
}

/** Bars over days: days = ["2026-01-02", …], series = [{name, colour: "--accent", values}]; stacked from the first up. */
export class Bars extends Plot {
    same(before) {
        return before.days === this.props.days;
    }
    drawing() {
        const { days, series, unit = '' } = this.props, axis = this.axis();
        // A stack is drawn as sums, the highest first, so that each lower one covers its share.
        const sums = [];
        series.forEach((one, i) => sums.push(one.values.map((value, day) => Number(value ?? 0) + (i > 0 ? sums[i - 1][day] : 0))));
        const at = days.map((day, i) => i);
        const most = Math.max(1, ...(sums[sums.length - 1] ?? [1]));
        const options = {
            scales: { x: { time: false, range: [-0.7, Math.max(days.length, 7) - 0.3] }, y: { range: [0, most * 1.1] } },
            axes: [
                { ...axis, size: 30, grid: { show: false }, splits: () => at.filter((i) => days.length <= 8 || i % Math.ceil(days.length / 8) === 0), values: (plot, list) => list.map((i) => days[i]?.slice(5) ?? '') },
                { ...axis, size: 46, incrs: steps.filter((step) => step >= 1), values: (plot, list) => list.map((value) => `${value}${unit}`) },
            ],
            series: [{}, ...series.map((one) => ({ label: one.name, fill: colour(one.colour), stroke: colour(one.colour), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.62, 46] }) })).reverse()],
        };
        return { options, data: [at, ...sums.slice().reverse()] };
    }
    render({ title, series, days, unit = '' }) {
        return html`<figure class="plot"><figcaption><strong>${title}</strong>
                ${series.map((one) => html`<span class="legend-item"><span class="swatch" style=${{ background: `var(${one.colour})` }}></span>${one.name}</span>`)}
                ${series.every((one) => one.values.every((value) => Number(value ?? 0) === 0)) && html`<span class="note">none yet</span>`}</figcaption>
            <div ref=${this.place} aria-hidden="true"></div>
            <table class="hidden"><caption>${title}</caption><thead><tr><th scope="col">Day</th>${series.map((one) => html`<th scope="col">${one.name}</th>`)}</tr></thead>
                <tbody>${days.map((day, i) => html`<tr><th scope="row">${day}</th>${series.map((one) => html`<td>${Number(one.values[i] ?? 0)}${unit}</td>`)}</tr>`)}</tbody></table>
        </figure>`;
    }
}

/** A line a version over its days, the versions side by side: points = [{version, day, value or null, low, high, proven}],
 *  starts = [{at, name}] where versions begin; low to high is drawn as a whisker; what is unproven is hollow; target: a
 *  line across, or null. The same figures stand in a table elsewhere. */
export class Curve extends Plot {
    same(before) {
        return before.points === this.props.points;
    }
    drawing() {
        const { points, starts, unit, target, most } = this.props, axis = this.axis();
        const at = points.map((one, i) => i);
        const highest = Math.max(target ?? 0, ...points.map((one) => Math.max(one.value ?? 0, one.high ?? 0)));
        const top = Math.min(most ?? Infinity, highest === 0 ? 1 : highest * 1.15);
        // A line ends where its version does.
        const lines = starts.map(({ at: first }, i) => points.map((one, k) => (k >= first && k < (starts[i + 1]?.at ?? points.length) ? one.value : null)));
        const options = {
            scales: { x: { time: false, range: [-0.5, Math.max(points.length, 4) - 0.5] }, y: { range: [0, top] } },
            axes: [
                { ...axis, size: 30, grid: { show: false }, splits: () => starts.map((one) => one.at), values: () => starts.map((one) => one.name) },
                { ...axis, size: 52, incrs: steps, values: (plot, list) => list.map((value) => `${Number(value.toPrecision(6))}${unit}`) },
            ],
            series: [{}, ...lines.map(() => ({ stroke: colour('--accent'), width: 2, points: { show: false }, spanGaps: true }))],
            hooks: { draw: [(plot) => this.mark(plot)] },
        };
        return { options, data: [at, ...lines] };
    }
    /* What lines cannot say: where a version begins, the target, whiskers, what is unproven. */
    mark(plot) {
        const { points, starts, target } = this.props;
        const { ctx, bbox } = plot, scale = devicePixelRatio;
        const x = (at) => plot.valToPos(at, 'x', true), y = (value) => plot.valToPos(value, 'y', true);
        const line = (x0, y0, x1, y1, dash = []) => {
            ctx.setLineDash(dash.map((one) => one * scale));
            ctx.beginPath();
            ctx.moveTo(x0, y0);
            ctx.lineTo(x1, y1);
            ctx.stroke();
        };
        ctx.save();
        ctx.beginPath(); // nothing over the axes
        ctx.rect(bbox.left - 6 * scale, bbox.top - 6 * scale, bbox.width + 12 * scale, bbox.height + 12 * scale);
        ctx.clip();
        ctx.lineWidth = scale;
        ctx.strokeStyle = colour('--line-strong');
        starts.slice(1).forEach((one) => line(x(one.at - 0.5), bbox.top, x(one.at - 0.5), bbox.top + bbox.height, [3, 4]));
        if (target !== null) {
            ctx.strokeStyle = colour('--wrong-line');
            ctx.lineWidth = 1.5 * scale;
            line(bbox.left, y(target), bbox.left + bbox.width, y(target), [7, 4]);
        }
        points.forEach((one, i) => {
            if (one.value === null) {
                return;
            }
            ctx.strokeStyle = colour('--accent');
            ctx.lineWidth = 1.5 * scale;
            if (one.high !== undefined) {
                line(x(i), y(one.low), x(i), y(one.high));
                [one.low, one.high].forEach((end) => line(x(i) - 4 * scale, y(end), x(i) + 4 * scale, y(end)));
            }
            ctx.setLineDash([]);
            ctx.beginPath();
            ctx.arc(x(i), y(one.value), 4 * scale, 0, 2 * Math.PI);
            ctx.fillStyle = colour(one.proven ? '--accent' : '--paper');
            ctx.fill();
            ctx.stroke();
        });
        ctx.restore();
    }
    render({ title, points, target, target_name }) {
        return html`<figure class="plot"><figcaption><strong>${title}</strong>
                ${target !== null && html`<span class="legend-item"><span class="swatch target"></span>${target_name}</span>`}
                ${points.every((one) => one.value === null) && html`<span class="note">no figure yet</span>`}</figcaption>
            <div ref=${this.place} aria-hidden="true"></div>
        </figure>`;
    }
}
