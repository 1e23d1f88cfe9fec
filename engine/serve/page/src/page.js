// SPDX-License-Identifier: MIT
// A page that shows what the engine tells, and asks again when something happened.
import { Component } from 'preact';

export class Page extends Component {
    state = { data: null, problem: null };
    componentDidMount() {
        this.load();
    }
    componentDidUpdate(before) {
        if (before.tick !== this.props.tick || this.must_load?.(before)) {
            this.load();
        }
    }
    componentWillUnmount() {
        this.is_gone = true;
    }
    async load() {
        const turn = (this.turn = (this.turn ?? 0) + 1);
        try {
            const data = await this.fetch();
            if (!this.is_gone && turn === this.turn) {
                this.setState({ data, problem: null });
            }
        } catch (problem) {
            if (!this.is_gone && turn === this.turn) {
                this.setState({ problem });
                if (problem.is_away) {
                    setTimeout(() => !this.is_gone && this.load(), 2000);
                }
            }
        }
    }
}

/** All items of a list, page by page, up to `most`. */
export async function all(get, path, most = 200) {
    const items = [];
    let next = '';
    do {
        const reply = await get(`${path}${path.includes('?') ? '&' : '?'}limit=100${next === '' ? '' : `&cursor=${encodeURIComponent(next)}`}`);
        items.push(...(reply.items ?? []));
        next = reply.next ?? '';
    } while (next !== '' && items.length < most);
    return { items, next };
}
