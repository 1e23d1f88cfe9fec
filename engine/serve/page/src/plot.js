// SPDX-License-Identifier: MIT
// Plots by uPlot, in the page's own colours.
import { Component, createRef } from 'preact';
import uPlot from 'uplot';
import { html } from './dom.js';

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Bars over days: days = ["2026-01-02", …], series = [{name, colour: "--accent", values}]; stacked from the first up. */
export class Bars extends Component {
    place = createRef();
    componentDidMount() {
        this.draw();
        this.watcher = new ResizeObserver(() => this.plot?.setSize({ width: this.width, height: 190 }));
        this.watcher.observe(this.place.current);
        this.scheme = matchMedia('(prefers-color-scheme: dark)');
        this.scheme.addEventListener('change', this.draw);
    }
    componentDidUpdate(before) {
        if (before.days !== this.props.days || before.theme !== this.props.theme) {
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
    draw = () => {
        this.plot?.destroy();
        const { days, series, unit = '' } = this.props;
        const ink = colour('--muted'), line = colour('--line');
        const font = '12px system-ui, sans-serif';
        const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 } };
        // A stack is drawn as sums, the highest first, so that each lower one covers its share.
        const sums = [];
        series.forEach((one, i) => sums.push(one.values.map((value, day) => Number(value ?? 0) + (i > 0 ? sums[i - 1][day] : 0))));
        const at = days.map((day, i) => i);
        const most = Math.max(1, ...(sums[sums.length - 1] ?? [1]));
        this.plot = new uPlot({
            width: this.width,
            height: 190,
            padding: [10, 6, 0, 0],
            cursor: { show: false },
            legend: { show: false },
            scales: { x: { time: false, range: [-0.7, Math.max(days.length, 7) - 0.3] }, y: { range: [0, most * 1.1] } },
            axes: [
                { ...axis, size: 30, grid: { show: false }, splits: () => at.filter((i) => days.length <= 8 || i % Math.ceil(days.length / 8) === 0), values: (plot, list) => list.map((i) => days[i]?.slice(5) ?? '') },
                { ...axis, size: 46, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 5e4, 1e5, 1e6], values: (plot, list) => list.map((value) => `${value}${unit}`) },
            ],
            series: [{}, ...series.map((one) => ({ label: one.name, fill: colour(one.colour), stroke: colour(one.colour), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.62, 46] }) })).reverse()],
        }, [at, ...sums.slice().reverse()], this.place.current);
    };
    render({ title, series, days, unit = '' }) {
        return html`<figure class="plot"><figcaption><strong>${title}</strong>
                ${series.map((one) => html`<span class="legend-item"><span class="swatch" style=${{ background: `var(${one.colour})` }}></span>${one.name}</span>`)}</figcaption>
            <div ref=${this.place} aria-hidden="true"></div>
            <table class="hidden"><caption>${title}</caption><thead><tr><th scope="col">Day</th>${series.map((one) => html`<th scope="col">${one.name}</th>`)}</tr></thead>
                <tbody>${days.map((day, i) => html`<tr><th scope="row">${day}</th>${series.map((one) => html`<td>${Number(one.values[i] ?? 0)}${unit}</td>`)}</tr>`)}</tbody></table>
        </figure>`;
    }
}
