// SPDX-License-Identifier: MIT
// How an image lies on the screen: zoom, turn and shift, and the way from screen to image pixels
// and back. Image pixels are those of the displayed page, whole numbers at corners of pixels.

export const zoom_min = 0.02, zoom_max = 40;

/** scale: screen pixels an image pixel; turn: 0, 90, 180, 270; x, y: of the image's middle. */
export const view_first = { scale: 1, turn: 0, x: 0, y: 0, is_fit: true };

const turned = ([x, y], turn) => {
    switch (turn) {
    case 90:
        return [-y, x];
    case 180:
        return [-x, -y];
    case 270:
        return [y, -x];
    default:
        return [x, y];
    }
};

export function to_screen(view, size, stage, [px, py]) {
    const [x, y] = turned([(px - size.width / 2) * view.scale, (py - size.height / 2) * view.scale], view.turn);
    return [stage.width / 2 + view.x + x, stage.height / 2 + view.y + y];
}

export function to_image(view, size, stage, [sx, sy]) {
    const [x, y] = turned([sx - stage.width / 2 - view.x, sy - stage.height / 2 - view.y], (360 - view.turn) % 360);
    return [x / view.scale + size.width / 2, y / view.scale + size.height / 2];
}

/** A step on the screen as a step in the image. */
export const delta_to_image = (view, [dx, dy]) =>
    turned([dx, dy], (360 - view.turn) % 360).map((part) => part / view.scale);

export function view_fit(view, size, stage) {
    const is_sideways = view.turn % 180 !== 0;
    const width = is_sideways ? size.height : size.width, height = is_sideways ? size.width : size.height;
    const margin = 24;
    const scale = Math.min((stage.width - margin) / width, (stage.height - margin) / height, 8);
    return { ...view, scale: Math.max(scale, zoom_min), x: 0, y: 0, is_fit: true };
}

/** Zoom about a point of the screen, which stays where it is. */
export function view_zoom(view, size, stage, factor, at = [stage.width / 2, stage.height / 2]) {
    const scale = Math.min(Math.max(view.scale * factor, zoom_min), zoom_max);
    const held = to_image(view, size, stage, at);
    const next = { ...view, scale, is_fit: false };
    const [x, y] = to_screen(next, size, stage, held);
    return view_keep({ ...next, x: next.x + at[0] - x, y: next.y + at[1] - y }, size, stage);
}

export const view_move = (view, size, stage, dx, dy) =>
    view_keep({ ...view, x: view.x + dx, y: view.y + dy, is_fit: false }, size, stage);

/* Some of the image always stays on the stage. */
function view_keep(view, size, stage) {
    const is_sideways = view.turn % 180 !== 0;
    const width = (is_sideways ? size.height : size.width) * view.scale;
    const height = (is_sideways ? size.width : size.height) * view.scale;
    const most_x = Math.max(0, (width + stage.width) / 2 - 60), most_y = Math.max(0, (height + stage.height) / 2 - 60);
    return { ...view, x: Math.min(Math.max(view.x, -most_x), most_x), y: Math.min(Math.max(view.y, -most_y), most_y) };
}

/** Bring a place [x, y, width, height] onto the stage, large enough to read. */
export function view_show(view, size, stage, place) {
    const line_px = 16;
    let next = view;
    const high = Math.min(place.width, place.height) * view.scale;
    if (high > 0 && high < line_px) {
        const room = Math.min((stage.width * 0.8) / (place.width * view.scale), (stage.height * 0.6) / (place.height * view.scale));
        const factor = Math.min(line_px * 1.6 / high, Math.max(room, 1), 4);
        next = view_zoom(view, size, stage, factor);
    }
    const [ax, ay] = to_screen(next, size, stage, [place.x, place.y]);
    const [bx, by] = to_screen(next, size, stage, [place.x + place.width, place.y + place.height]);
    const shift = (low, high_at, room) => {
        const from = Math.min(low, high_at), to = Math.max(low, high_at), margin = 40;
        if (from >= margin && to <= room - margin) {
            return 0;
        }
        return to - from > room - 2 * margin ? room / 2 - (from + to) / 2 : from < margin ? margin - from : room - margin - to;
    };
    const dx = shift(ax, bx, stage.width), dy = shift(ay, by, stage.height);
    return dx === 0 && dy === 0 ? next : view_move(next, size, stage, dx, dy);
}
