// SPDX-License-Identifier: MIT
// The two minutes: demo is started, its link opened, every card answered by keyboard with the
// samples' truth, and it ends by itself with the report and the exported file.
//
// DEMO_CASE       invoice or poles
// DEMO_PROGRAM    what is started in place of the engine under test, as ./dev of a fresh clone, which
//                 builds first
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, demo_environment, engine_path, equal, folder, go, is_accessible, patience_ms, person, picture, shot, source, test, until } from './lib.mjs';

const cases = {
    invoice: { samples: 'pipelines/invoice-ocr/samples', threshold: '0.97', count: 12 }, // so high that most are asked
    poles: { samples: 'pipelines/pole-detection/samples', threshold: '0.8', count: 12 },
};
const name = process.env.DEMO_CASE ?? 'poles';
const { samples, threshold, count } = cases[name];
const truth_of = (path) => JSON.parse(readFileSync(join(source, samples, path.replace(/\.[^.]*$/, '.truth.json')), 'utf8'));
const at = (document, pointer) => pointer.split('/').slice(1).reduce((value, part) => value?.[part], document);
const is_same = (shown, wanted) => shown === String(wanted) || (shown.trim() !== '' && Number(shown) === Number(wanted) && typeof wanted === 'number');

/* Which of the fields on the screen is not what the truth says: its pointer and what to type. */
async function wrong_field(page, truth) {
    const fields = await page.locator('input[data-field]').evaluateAll((list) => list.map((one) => [one.dataset.field, one.value]));
    for (const [pointer, shown] of fields) {
        const wanted = at(truth, pointer);
        if (wanted !== undefined && wanted !== null && !is_same(shown, wanted)) {
            return [pointer, String(wanted)];
        }
    }
    return null;
}

/* Onwards from where the focus is. */
async function tab_to(page, pointer) {
    for (let i = 0; i < 400; i++) {
        await page.keyboard.press('Tab');
        if ((await page.evaluate(() => document.activeElement.dataset.field)) === pointer) {
            return;
        }
    }
    throw new Error(`Tab never comes to ${pointer}`);
}

/* An invoice: all fields opened, what is wrong typed over, rows that are none removed. */
async function answer_invoice(page, truth) {
    await page.keyboard.press('Escape');
    await page.keyboard.press('e');
    await page.waitForSelector('.answer [aria-pressed=true]');
    const rows = await page.locator('tr[data-row-of]').count();
    for (let row = rows; row > truth.line_items.length; row--) {
        await page.getByRole('button', { name: `Remove row ${row}`, exact: true }).focus();
        await page.keyboard.press('Enter');
    }
    for (let row = rows; row < truth.line_items.length; row++) {
        await page.getByRole('button', { name: 'Add a row' }).focus();
        await page.keyboard.press('Enter');
    }
    await page.keyboard.press('Escape');
    for (let wrong = await wrong_field(page, truth), i = 0; wrong !== null && i < 100; wrong = await wrong_field(page, truth), i++) {
        await tab_to(page, wrong[0]);
        await page.keyboard.press('Control+A');
        await page.keyboard.type(wrong[1]);
    }
}

/* A street: boxes that the truth does not have are deleted, those that are missing typed in. */
async function answer_poles(page, truth) {
    const listed = () => page.locator('.box-row:not(.removed) .numbers').evaluateAll((list) => list.map((one) => one.textContent));
    const wanted = truth.boxes.map(({ box }) => box.join(', '));
    for (let i = 0; i < 20; i++) {
        const bad = (await listed()).findIndex((numbers) => !wanted.includes(numbers));
        if (bad < 0) {
            break;
        }
        await page.locator('.box-row:not(.removed) .choose').nth(bad).focus();
        await page.keyboard.press('Delete');
    }
    for (const numbers of wanted) {
        if ((await listed()).includes(numbers)) {
            continue;
        }
        await page.keyboard.press('Escape');
        await page.keyboard.press('b');
        await page.keyboard.press('b');
        await until('its numbers have the focus', () => page.evaluate(() => document.activeElement.dataset.number?.endsWith('#0')));
        for (const [i, text] of numbers.split(', ').entries()) {
            await page.keyboard.press('Control+A');
            await page.keyboard.type(text);
            await page.keyboard.press(i < 3 ? 'Tab' : 'Enter');
        }
    }
    equal('the boxes are those of the truth', (await listed()).sort(), wanted.sort());
}

await test(async () => {
    const begun = Date.now();
    const child = spawn(process.env.DEMO_PROGRAM ?? engine_path, ['demo', '--case', name, '--threshold', threshold, '--port', name === 'poles' ? '19000' : '19200', join(folder, 'demo')],
        { cwd: folder, env: demo_environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', told = '', code;
    child.stdout.on('data', (bytes) => { out += bytes; });
    child.stderr.on('data', (bytes) => { told += bytes; });
    const over = new Promise((done) => child.on('exit', (status, signal) => { code = status ?? signal; done(); }));
    try {
        const login = await until('a link is printed where no browser can be opened', () => {
            if (code !== undefined) {
                throw new Error(`demo ended with ${code}: ${told}`);
            }
            return /http:\/\/\S+\/login\S+/.exec(out)?.[0];
        }, process.env.DEMO_PROGRAM ? 3600000 : patience_ms);
        console.log(`        the link after ${((Date.now() - begun) / 1000).toFixed(1)} s`);
        const url = new URL(login).origin;
        const page = await person({ url, login }, { expected: [/ERR_/, /status of 422/] });
        let answered = 0, is_over = false;
        for (;;) {
            await go(page, '#/next');
            const found = await until('a card, or the end', async () => {
                if (code !== undefined || /^auto-accepted/m.test(out)) {
                    return 'over';
                }
                return await page.locator('.card[data-state=open]').count() > 0 && page.evaluate(() => document.querySelector('.card[data-state=open]')?.dataset.ask);
            }, 240000).catch((error) => {
                throw new Error(`${error.message}\n${told}`);
            });
            if (found === 'over') {
                break;
            }
            const path = await page.locator('.card h1').innerText();
            if (name === 'poles' || answered === 0) {
                await page.waitForSelector('.picture.there');
            }
            if (name === 'invoice' && answered === 0) {
                await picture(page, 'review');
            }
            await (name === 'poles' ? answer_poles : answer_invoice)(page, truth_of(path));
            if (answered === 0) {
                await is_accessible('a card of the demo', page);
                await shot(page, `demo-${name}`);
            }
            if (path === 'pole-002.jpg') {
                await picture(page, 'boxes');
            }
            await page.keyboard.press('Control+Enter');
            await until(`${path} is taken`, async () => {
                if (code !== undefined || /^auto-accepted/m.test(out)) {
                    is_over = true;
                    return true;
                }
                const refused = await page.locator('.why-asked .notice.error').count() > 0 && await page.locator('.why-asked .notice.error').innerText();
                if (refused) {
                    throw new Error(`${path}: ${refused} ${await page.locator('.trouble').allInnerTexts()}`);
                }
                return (await page.locator(`.card[data-ask="${found}"][data-state=open]`).count()) === 0;
            });
            answered++;
            console.log(`        ${path} after ${((Date.now() - begun) / 1000).toFixed(1)} s`);
            if (is_over) {
                break;
            }
        }
        await over;
        console.log(out.split('\n').slice(1, 6).map((line) => `        ${line.slice(0, 160)}`).join('\n'));
        console.log(`        from start to the exported file in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
        equal('it ends by itself', code, 0);
        const [, auto] = /^auto-accepted +(\d+)/m.exec(out), [, asked, corrected] = /^asked +(\d+): (\d+) corrected/m.exec(out);
        equal('the report accounts for every sample', Number(auto) + Number(asked), count);
        equal('and for every card', Number(asked), answered);
        check('some were corrected', Number(corrected) > 0, out);
        const [, file, lines] = /^exported +(\S+) \((\d+) lines?\)/m.exec(out);
        const records = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
        equal('the file has a line a card', [records.length, Number(lines)], [answered, answered]);
        check('the report ends with the first corrected line', records.filter((one) => one.verdict === 'corrected').some((one) => JSON.stringify(one) === JSON.stringify(JSON.parse(out.trim().split('\n').pop()))));
        equal('nothing was said in the console, nothing went to another origin', [page.told, page.strangers], [[], []]);
    } finally {
        if (code === undefined) {
            child.kill('SIGINT');
            await over;
        }
    }
});
