// SPDX-License-Identifier: MIT
// The image of a card: zoom, pan, rotation, lit places, and boxes that are drawn, moved and resized.
// Annotorious was weighed and left: it knows no keys, no whole pixels and no boxes outside the
// image, and is larger than all of this page.
import { Component, createRef } from 'preact';
import { html, classes } from './dom.js';
import { picture_of } from './pictures.js';
import { delta_to_image, to_image, to_screen, view_first, view_fit, view_move, view_show, view_zoom } from './view.js';

const letter_width = 7.4; // pixels, of the names of boxes
const handles = ['nw', 'n', 'ne', 'e', 'se', 's', 'sw', 'w'];
const drag_from_px = 4; // less is a click

export class Viewer extends Component {
    stage = createRef();
    state = { view: view_first, stage: { width: 800, height: 600 }, natural: null, failed: false, draft: null, cursor: null, drag: null };
    sheet = createRef();
    pointers = new Map();

    componentDidMount() {
        this.watcher = new ResizeObserver(() => this.measure());
        this.watcher.observe(this.stage.current);
        this.measure();
        this.stage.current.addEventListener('wheel', this.on_wheel, { passive: false });
        this.props.handle?.(this);
        this.lay();
    }
    componentWillUnmount() {
        this.lift();
        this.watcher.disconnect();
        this.props.handle?.(null);
    }
    componentDidUpdate(before) {
        if (before.image.url !== this.props.image.url) {
            this.setState({ natural: null, failed: false, draft: null, view: view_first }, () => this.fit());
            this.lay();
        } else if (before.lit !== this.props.lit && this.props.lit) {
            this.show_place(this.props.lit);
        }
    }
    /* Put the picture on its sheet; it may have been loaded long before. */
    lay() {
        this.lift();
        const picture = picture_of(this.props.image.url);
        this.picture = picture;
        picture.alt = this.props.title;
        picture.onload = () => this.on_load(picture);
        picture.onerror = () => {
            picture.dataset.failed = '';
            this.on_failed();
        };
        this.sheet.current.append(picture);
        if (picture.dataset.failed !== undefined) {
            this.on_failed();
        } else if (picture.complete && picture.naturalWidth > 0) {
            this.on_load(picture);
        }
    }
    on_failed() {
        this.setState({ failed: true });
        this.props.on_fail?.();
    }
    lift() {
        if (this.picture) {
            this.picture.onload = null;
            this.picture.remove();
        }
    }

    measure() {
        const rect = this.stage.current.getBoundingClientRect();
        if (rect.width === 0 || (rect.width === this.state.stage.width && rect.height === this.state.stage.height)) {
            return;
        }
        const stage = { width: rect.width, height: rect.height };
        this.setState({ stage }, () => {
            if (this.state.view.is_fit) {
                this.fit();
            }
            if (this.props.lit) {
                this.show_place(this.props.lit);
            }
        });
    }

    get has_size() {
        return Number(this.props.image.width) > 0 || this.state.natural !== null;
    }
    get size() {
        const { width, height } = this.props.image;
        return width > 0 && height > 0 ? { width: Number(width), height: Number(height) } : this.state.natural ?? { width: 1, height: 1 };
    }
    set_view(change) {
        this.setState(({ view, stage }) => ({ view: change(view, this.size, stage) }));
    }
    fit = () => {
        this.set_view((view, size, stage) => view_fit(view, size, stage));
    };
    zoom = (factor) => this.set_view((view, size, stage) => view_zoom(view, size, stage, factor));
    actual = () => this.set_view((view, size, stage) => view_zoom(view, size, stage, 1 / view.scale));
    pan = (dx, dy) => this.set_view((view, size, stage) => view_move(view, size, stage, dx, dy));
    turn = (by) => this.set_view((view, size, stage) => view_fit({ ...view, turn: (view.turn + by + 360) % 360 }, size, stage));
    /* Not before the size is known: on_load() does it then. */
    show_place = (place) => this.has_size && this.set_view((view, size, stage) => view_show(view, size, stage, place));
    /** The middle of what is on the stage, in image pixels. */
    get middle() {
        const { view, stage } = this.state;
        const [x, y] = to_image(view, this.size, stage, [stage.width / 2, stage.height / 2]);
        return [Math.min(Math.max(Math.round(x), 0), this.size.width), Math.min(Math.max(Math.round(y), 0), this.size.height)];
    }
    get scale() {
        return this.state.view.scale;
    }

    point_of(event) {
        const rect = this.stage.current.getBoundingClientRect();
        return [event.clientX - rect.left, event.clientY - rect.top];
    }
    image_of(event) {
        return to_image(this.state.view, this.size, this.state.stage, this.point_of(event));
    }

    on_wheel = (event) => {
        event.preventDefault();
        const at = this.point_of(event);
        const factor = Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015));
        this.set_view((view, size, stage) => view_zoom(view, size, stage, factor, at));
    };

    on_down = (event) => {
        if (event.button > 1 || event.target.closest('button')) {
            return;
        }
        this.stage.current.setPointerCapture(event.pointerId);
        this.pointers.set(event.pointerId, this.point_of(event));
        if (this.pointers.size === 2) {
            this.drag = { kind: 'pinch' };
            return;
        }
        const at = this.point_of(event);
        const handle = event.target.dataset?.handle;
        const row = event.target.closest('[data-row]')?.dataset.row;
        const { tool } = this.props;
        if (event.button === 1 || event.altKey) {
            this.drag = { kind: 'pan', at };
        } else if (tool === 'draw') {
            const corner = this.image_of(event);
            if (this.state.draft?.is_placed) {
                this.drag = { kind: 'second', at, from: this.state.draft.from };
            } else {
                this.drag = { kind: 'draw', at, from: corner };
                this.setState({ draft: { from: corner, to: corner } });
            }
        } else if (handle !== undefined && this.props.on_box_drag) {
            const on_row = this.props.selected;
            this.drag = { kind: 'resize', at, row: on_row, edges: handle, box: this.props.boxes.find((one) => one.pointer === on_row)?.box };
        } else if (row !== undefined) {
            this.props.on_select?.(row);
            this.drag = { kind: 'move', at, row, box: this.props.boxes.find((one) => one.pointer === row)?.box };
        } else {
            this.drag = { kind: 'pan', at, is_click: true };
        }
        this.drag.start = at;
    };

    on_move = (event) => {
        const at = this.point_of(event);
        if (this.props.tool === 'draw') {
            const corner = this.image_of(event);
            this.setState({ cursor: corner });
            if (this.state.draft?.is_placed) {
                this.setState({ draft: { ...this.state.draft, to: corner } });
            }
        }
        const { drag } = this;
        if (!drag || !this.pointers.has(event.pointerId)) {
            return;
        }
        if (drag.kind === 'pinch') {
            this.pinch(event.pointerId, at);
            return;
        }
        this.pointers.set(event.pointerId, at);
        const far = Math.hypot(at[0] - drag.start[0], at[1] - drag.start[1]) >= drag_from_px;
        drag.is_far = drag.is_far || far;
        if (!drag.is_far) {
            return;
        }
        if (drag.kind === 'pan') {
            this.pan(at[0] - drag.at[0], at[1] - drag.at[1]);
            drag.at = at;
        } else if (drag.kind === 'draw' || drag.kind === 'second') {
            this.setState({ draft: { from: drag.from, to: this.image_of(event) } });
        } else if (drag.box) {
            const [dx, dy] = delta_to_image(this.state.view, [at[0] - drag.start[0], at[1] - drag.start[1]]);
            this.props.on_box_drag?.(drag.kind, drag.row, drag.box, drag.edges, Math.round(dx), Math.round(dy));
        }
    };

    on_up = (event) => {
        this.pointers.delete(event.pointerId);
        const { drag } = this;
        this.drag = null;
        if (!drag || drag.kind === 'pinch') {
            return;
        }
        if (drag.kind === 'draw' || drag.kind === 'second') {
            const to = this.image_of(event);
            if (drag.is_far || drag.kind === 'second') {
                this.setState({ draft: null });
                this.props.on_draw?.(drag.from, to);
            } else {
                this.setState({ draft: { from: drag.from, to, is_placed: true } }); // click by click
            }
        } else if (drag.is_click && !drag.is_far) {
            const region = event.target.closest?.('[data-pointer]') ?? this.region_at(this.image_of(event));
            if (region) {
                this.props.on_region?.(region.dataset?.pointer ?? region);
            } else {
                this.props.on_select?.(null);
            }
        } else if (drag.kind === 'move' && !drag.is_far) {
            this.props.on_region?.(drag.row);
        }
    };

    on_cancel = (event) => {
        this.pointers.delete(event.pointerId);
        this.drag = null;
    };

    on_double = (event) => {
        if (this.props.tool !== 'draw' && !event.target.closest('button')) {
            const at = this.point_of(event);
            const { stage } = this.state;
            this.set_view((view, size) => {
                const next = view_zoom(view, size, stage, 2, at);
                return view_move(next, size, stage, stage.width / 2 - at[0], stage.height / 2 - at[1]);
            });
        }
    };

    pinch(id, at) {
        const other = [...this.pointers.entries()].find(([one]) => one !== id)?.[1];
        const before = this.pointers.get(id);
        this.pointers.set(id, at);
        if (other === undefined) {
            return;
        }
        const middle = [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2];
        const was = Math.hypot(before[0] - other[0], before[1] - other[1]) || 1;
        const is = Math.hypot(at[0] - other[0], at[1] - other[1]) || 1;
        this.set_view((view, size, stage) => {
            const next = view_zoom(view, size, stage, is / was, middle);
            return view_move(next, size, stage, (at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
        });
    }

    /* The smallest place under a point: a click on text finds its field without a mark over it. */
    region_at([x, y]) {
        const inside = (this.props.regions ?? []).filter(({ place }) =>
            x >= place.x && y >= place.y && x <= place.x + place.width && y <= place.y + place.height);
        inside.sort((a, b) => a.place.width * a.place.height - b.place.width * b.place.height);
        return inside[0]?.pointer ?? null;
    }

    /** Forget a box that is begun. Returns whether there was one. */
    cancel_draft() {
        const had = this.state.draft !== null;
        this.drag = null;
        this.setState({ draft: null });
        return had;
    }

    on_load = (picture) => {
        const natural = { width: picture.naturalWidth, height: picture.naturalHeight };
        picture.classList.add('there');
        this.props.on_size?.(natural);
        this.setState({ natural, failed: false }, () => {
            if (this.state.view.is_fit) {
                this.fit();
                if (this.props.lit) {
                    this.show_place(this.props.lit);
                }
            }
        });
    };

    box_rect(box, name, extra = {}) {
        const { view, stage } = this.state;
        const [ax, ay] = to_screen(view, this.size, stage, [box[0], box[1]]);
        const [bx, by] = to_screen(view, this.size, stage, [box[2], box[3]]);
        return html`<rect class=${name} x=${Math.min(ax, bx)} y=${Math.min(ay, by)}
            width=${Math.abs(bx - ax)} height=${Math.abs(by - ay)} ...${extra}/>`;
    }

    region(region) {
        const { place, pointer, kind } = region;
        return this.box_rect([place.x, place.y, place.x + place.width, place.y + place.height],
            classes('region', kind, pointer === this.props.focus && 'lit'), { 'data-pointer': pointer });
    }

    box(one) {
        const is_selected = one.pointer === this.props.selected;
        const { view, stage } = this.state;
        const [ax, ay] = to_screen(view, this.size, stage, [one.box[0], one.box[1]]);
        const [bx, by] = to_screen(view, this.size, stage, [one.box[2], one.box[3]]);
        const x = Math.min(ax, bx), y = Math.min(ay, by), w = Math.abs(bx - ax), hgt = Math.abs(by - ay);
        const at = { n: [x + w / 2, y], s: [x + w / 2, y + hgt], w: [x, y + hgt / 2], e: [x + w, y + hgt / 2], nw: [x, y], ne: [x + w, y], sw: [x, y + hgt], se: [x + w, y + hgt] };
        const edge_of = (name) => edges_turned(name, view.turn);
        // A name is read whole: at the right edge it ends with its box, at the upper one it is inside.
        const ends = x >= 0 && x + one.text.length * letter_width > stage.width;
        const name = { x: ends ? Math.min(x + w, stage.width) - 2 : x + 1, y: y >= 0 && y < 18 ? y + 14 : y - 6, 'text-anchor': ends ? 'end' : 'start' };
        return html`<g class=${classes('box', one.kind, is_selected && 'selected')} data-row=${one.pointer}>
            <rect class="body" x=${x} y=${y} width=${w} height=${hgt}/>
            <rect class="line" x=${x} y=${y} width=${w} height=${hgt}/>
            <text ...${name}>${one.text}</text>
            ${is_selected && this.props.on_box_drag && handles.map((name) => html`
                <rect class=${`handle at-${name}`} data-handle=${edge_of(name)} x=${at[name][0] - 5} y=${at[name][1] - 5} width="10" height="10"/>`)}
        </g>`;
    }

    render({ image, regions = [], boxes = [], tool, title, on_tool, children }, { view, stage, failed, draft, cursor }) {
        const size = this.size;
        const style = {
            width: `${size.width}px`,
            height: `${size.height}px`,
            transform: `translate(${stage.width / 2 + view.x}px, ${stage.height / 2 + view.y}px) rotate(${view.turn}deg) scale(${view.scale}) translate(-50%, -50%)`,
        };
        const is_near = view.scale >= 3;
        const cross = tool === 'draw' && cursor ? to_screen(view, size, stage, cursor.map(Math.round)) : null;
        return html`<section class="viewer" aria-label="Image">
            <div ref=${this.stage} class=${classes('stage', tool === 'draw' && 'drawing')} tabindex="0" role="group"
                aria-label=${`${title}. Arrows shift, plus and minus zoom, F fits.`} data-scale=${view.scale} data-turn=${view.turn}
                onPointerDown=${this.on_down} onPointerMove=${this.on_move} onPointerUp=${this.on_up}
                onPointerCancel=${this.on_cancel} onDblClick=${this.on_double}>
                <div ref=${this.sheet} class=${classes('sheet', is_near && 'near')} style=${style} hidden=${failed}></div>
                ${failed && html`<p class="no-image">This image cannot be shown here. <a href=${image.url} download>Download it</a></p>`}
                ${image.is_cut && !failed && html`<p class="notice wait damaged" role="alert">The file is damaged: a part of the picture is missing.</p>`}
                <svg class="marks" width=${stage.width} height=${stage.height} aria-hidden="true">
                    ${boxes.length > 0 && this.box_rect([0, 0, size.width, size.height], 'edge')}
                    ${regions.map((region) => this.region(region))}
                    ${boxes.filter((one) => one.pointer !== this.props.selected).map((one) => this.box(one))}
                    ${boxes.filter((one) => one.pointer === this.props.selected).map((one) => this.box(one))}
                    ${draft && this.box_rect([...draft.from.map(Math.round), ...draft.to.map(Math.round)], 'draft')}
                    ${cross && html`<path class="cross" d=${`M0 ${cross[1]}H${stage.width}M${cross[0]} 0V${stage.height}`}/>`}
                </svg>
                ${cross && html`<output class="coordinates">${cursor.map(Math.round).join(', ')}</output>`}
            </div>
            <div class="tools" role="toolbar" aria-label="View">
                <button type="button" onClick=${() => this.zoom(1 / 1.25)} aria-label="Zoom out" title="Zoom out (−)">−</button>
                <button type="button" class="scale" onClick=${this.actual} aria-label=${`${Math.round(view.scale * 100)} %, show at 100 %`} title="Show at 100 % (0)">${Math.round(view.scale * 100)} %</button>
                <button type="button" onClick=${() => this.zoom(1.25)} aria-label="Zoom in" title="Zoom in (+)">+</button>
                <button type="button" onClick=${this.fit} title="Fit (F)">Fit</button>
                <button type="button" onClick=${() => this.turn(90)} aria-label="Turn right" title="Turn right (])">⟳</button>
                ${on_tool && html`<button type="button" aria-pressed=${tool === 'draw'} onClick=${() => on_tool(tool === 'draw' ? null : 'draw')}
                    title="Draw a box (B)">Box</button>`}
                ${children}
            </div>
        </section>`;
    }
}

const clockwise = ['n', 'e', 's', 'w'];

/* Edges on the screen to edges of the image, which may lie turned. */
function edges_turned(name, turn) {
    return [...name].map((edge) => clockwise[(clockwise.indexOf(edge) - turn / 90 + 4) % 4]).join('');
}
