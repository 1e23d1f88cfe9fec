// SPDX-License-Identifier: MIT
// Pictures that are there before their card is. The engine forbids caches to keep job data, so a
// picture that was loaded ahead is the very element that is shown.

const kept_max = 6;
const kept = new Map(); // url → element, the oldest first

/** The picture at a url, on its way or there. */
export function picture_of(url) {
    let picture = kept.get(url);
    kept.delete(url);
    if (picture === undefined || picture.dataset.failed !== undefined) {
        picture = new Image();
        picture.draggable = false;
        picture.className = 'picture';
        picture.onerror = () => { picture.dataset.failed = ''; };
        picture.src = url;
        picture.decode().catch(() => {}); // on another thread than the one that draws
    }
    kept.set(url, picture);
    for (const old of kept.keys()) {
        if (kept.size <= kept_max) {
            break;
        }
        kept.delete(old);
    }
    return picture;
}
