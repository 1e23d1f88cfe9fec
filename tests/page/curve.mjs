// SPDX-License-Identifier: MIT
// Whether it learns, as plots, a table and plain sentences: two versions on three days, without and
// with a target; light, dark, on a phone, at 200 %; and live.
import { api, check, data, engine_json, engine_with, equal, folder, go, is_accessible, is_quiet, person, serve, shot, source, test, until, write } from './lib.mjs';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/* Days that have passed: the wall clock is another for a command. */
const faketime = readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'faketime/libfaketime.so.1')).find(existsSync);
const ago = (days) => (days === 0 ? {} : { LD_PRELOAD: faketime, FAKETIME: `-${days}d`, FAKETIME_DONT_FAKE_MONOTONIC: '1', ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0` });

const data_of = (path) => readFileSync(join(source, path), 'utf8');
const results = data('invoice-results.json').replace(/\n/g, '');
/* The audit of the first version is of all, so that no draw decides what the test sees. */
const pipeline = (name, below, audit, target) => write(`${name}.yaml`, `foundry: v1
name: ${name}
inputs: {match: ["${name}-*.png"]}
phases:
  - id: extract
    uses: playback/play
    with: {name: "\${input.stem}", results: ${results}}
  - id: review
    uses: foundry/human
    with:
      of: extract
${target === undefined ? `      detectors: [{uses: detect/low-confidence, with: {below: ${below}}}]` : `      target_error: ${target}`}
      audit: ${audit}
      schema: invoice.schema.json
`);

/* A day's work, so many days ago: jobs run, and somebody answers all of it. wrong: what nobody
 * doubted was wrong, too. */
function day(name, days, from, count, wrong = false) {
    for (let i = from; i < from + count; i++) {
        write(`jobs/${name}-${i}.png`, `\x89PNG\r\n\x1a\n${name} ${i}`);
    }
    const more = ago(days);
    const run = engine_with({ more }, 'run', `${name}.yaml`, 'jobs');
    check(`${name}, ${days} days ago: jobs ran`, run.code === 0 || run.code === 3, run.err);
    const answers = engine_json('ask', 'list', '--json', 'jobs').map(({ request }) =>
        JSON.stringify({ request, by: 'ann', seconds: 6, ...(wrong ? { values: { '/invoice_number': `N-${request}` } } : { accept: true }) }));
    const done = engine_with({ more, input: `${answers.join('\n')}\n` }, 'answer', 'jobs', '-');
    check(`${name}, ${days} days ago: ${answers.length} answers`, done.code === 0, done.err || done.out);
}

/* Streets that everybody looks at, and what nobody ever boxed. */
const boxes = () => {
    pipeline('streets', 0.5, '100%');
    const path = write('streets.schema.json', data_of('tests/page/data/poles.schema.json'));
    write('streets.yaml', readFileSync(join(folder, 'streets.yaml'), 'utf8').replace(results, data_of('tests/data/pole-results.json').replace(/\n/g, '')).replace('schema: invoice', 'schema: streets'));
    return path;
};
function add_missed(name, days, from, count) {
    for (let i = from; i < from + count; i++) {
        write(`jobs/${name}-${i}.png`, `\x89PNG\r\n\x1a\n${name} ${i}`);
    }
    const more = ago(days), run = engine_with({ more }, 'run', `${name}.yaml`, 'jobs');
    check(`${name}: people are asked`, run.code === 3, run.err);
    const asks = engine_json('ask', 'list', '--json', 'jobs').map(({ request }, i) => JSON.stringify({ request, by: 'ann', seconds: 6,
        ...(i === 0 ? { values: { '/boxes/2': { box_id: 'h1', label: 'utility_pole', box: [10, 20, 40, 300] } } } : { accept: true }) }));
    const done = engine_with({ more, input: `${asks.join('\n')}\n` }, 'answer', 'jobs', '-');
    check(`${name}: one pole was missed`, done.code === 0, done.err || done.out);
}

await test(async () => {
    check('libfaketime is there', faketime !== undefined, './dev deps test installs it');
    write('invoice.schema.json', '{"type":"object"}');
    pipeline('bills', 0.9, '100%');
    day('bills', 3, 10, 12, true);
    day('bills', 2, 30, 12);
    pipeline('bills', 0.8, '30%');
    day('bills', 1, 50, 12);
    pipeline('proofs', 0, '10%', '5%');
    day('proofs', 1, 80, 6);
    pipeline('quiet', 0.1, '0%');
    write('jobs/quiet-1.png', '\x89PNG\r\n\x1a\nquiet');
    equal('nobody is asked', engine_with({ more: ago(1) }, 'run', 'quiet.yaml', 'jobs').code, 0);
    boxes();
    add_missed('streets', 1, 90, 4);
    const server = await serve('jobs', { words: ['--pipeline', 'bills.yaml'] });
    const page = await person(server);
    const { value: { items: [told] } } = await api(server, 'GET', '/v1/curve');
    const [first, second] = told.versions.filter((one) => one.pipeline === 'bills');
    const [proof] = told.versions.filter((one) => one.pipeline === 'proofs');
    equal('the first version worked on two days, the second on one', [first.days.length, second.days.length], [2, 1]);
    check('what nobody had doubted was wrong', first.all.wrong > 0, first.all);
    check('with the target it is unproven', proof.proof.proven === false && proof.proof.missing > 0, proof.proof);

    const gate_of = (name) => page.locator('.gate', { has: page.getByRole('heading', { name: `${name}, review` }) });

    console.log('-- what is shown');
    await go(page, '#/report');
    await page.waitForSelector('.gate .u-wrap canvas');
    equal('the sentences are the engine\'s', await page.locator('.learning .sentence').allInnerTexts(), told.sentences);
    check('people are asked less, and it says so', told.sentences.some((one) => one.startsWith('bills: people are asked less')), told.sentences);
    equal('a gate a pipeline', await page.locator('.gate h3').allInnerTexts(), ['bills, review', 'proofs, review', 'quiet, review', 'streets, review']);
    equal('four plots each', await page.locator('.gate .u-wrap canvas').count(), 16);
    const rows = await page.locator('.gate').first().locator('.curve tr').evaluateAll((list) => list.map((row) => [...row.children].map((cell) => cell.textContent)));
    equal('a row a version, with its days below where there are several', rows.map((row) => row[0]),
        ['Version, day', first.version.slice(0, 8), ...first.days.map((one) => one.day), second.version.slice(0, 8)]);
    equal('with its jobs', rows.slice(1).map((row) => Number(row[1])), [first.all, ...first.days, second.all].map((one) => one.documents));
    check('its error and the range of it', /^\d[\d.]* % \(\d[\d.]* % to \d[\d.]* %\), \d+ of \d+$/.test(rows[1][3]), rows[1][3]);
    equal('and that it is unproven', rows[1][6], 'unproven: no target is set');
    const proof_row = await gate_of('proofs').locator('.curve tbody td').last().innerText();
    equal('how much is missing for a proof', proof_row, `unproven: ${proof.proof.missing} clean checks are missing for 5 % a ${proof.proof.per}`);
    equal('the target has a name', await gate_of('proofs').locator('.legend-item', { hasText: 'target 5 %' }).count(), 1);

    console.log('-- found of what is there');
    const found_in = (name) => gate_of(name).locator('.found tbody tr').evaluateAll((list) => list.map((row) => [...row.cells].map((cell) => cell.textContent)));
    const [streets] = told.versions.filter((one) => one.pipeline === 'streets');
    const { utility_pole: pole } = streets.all.recall;
    equal('a pole that nobody boxed is missed', [pole.objects - pole.found, pole.objects], [1, 9]);
    const rounded = (share) => `${Number((share * 100).toFixed(1))} %`;
    equal('what was found, in a range', await found_in('streets'), [[streets.version.slice(0, 8), 'utility_pole', `${rounded(8 / 9)}, 8 of 9`, `${rounded(pole.low)} to ${rounded(pole.high)}`, '1']]);
    const bills = await found_in('bills');
    equal('of things without a label no range is known', bills.map((row) => [row[1], row[3]]), [first, second].filter((one) => one.all.objects > 0).map(() => ['without a label', 'not known']));
    equal('where nobody looked at everything, it says so', [await found_in('quiet'), (await gate_of('quiet').locator('.found').innerText()).includes('Not known yet: nobody')], [[], true]);

    console.log('-- what is drawn');
    /* How many pixels of a plot have about the colour of a property of the style. */
    const inked = (index, name) => gate_of('proofs').locator('.u-wrap canvas').nth(index).evaluate((canvas, property) => {
        const probe = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height }).getContext('2d', { willReadFrequently: true });
        probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(property).trim();
        probe.fillRect(0, 0, 1, 1);
        const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
        probe.clearRect(0, 0, 1, 1);
        probe.drawImage(canvas, 0, 0);
        const { data: bytes } = probe.getImageData(0, 0, canvas.width, canvas.height);
        let count = 0;
        for (let i = 0; i < bytes.length; i += 4) {
            count += bytes[i + 3] > 200 && Math.abs(bytes[i] - r) + Math.abs(bytes[i + 1] - g) + Math.abs(bytes[i + 2] - b) < 24;
        }
        return count;
    }, name);
    check('a point of the share', await inked(0, '--accent') > 5, await inked(0, '--accent'));
    equal('no target in the share', await inked(0, '--wrong-line'), 0);
    check('the target across the error', await inked(1, '--wrong-line') > 60, await inked(1, '--wrong-line'));

    console.log('-- light, dark, narrow, large');
    for (const [name, scheme, width, height] of [['light', 'light', 1440, 900], ['dark', 'dark', 1440, 900], ['zoom-200', 'light', 720, 450], ['phone', 'light', 390, 844], ['narrow', 'dark', 320, 640]]) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height });
        await page.locator('.learning').scrollIntoViewIfNeeded();
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(`${name}: nothing is cut off at the side`, wide <= 0, `${wide} pixels`);
        await is_accessible(`the curve, ${name}`, page);
        await page.locator('.learning h2').evaluate((heading) => heading.scrollIntoView());
        await shot(page, `curve-${name}`);
        await page.locator('.found').last().evaluate((part) => part.scrollIntoView({ block: 'end' }));
        await shot(page, `found-${name}`);
    }
    check('in the dark, too, a point is seen', await inked(0, '--accent') > 5, await inked(0, '--accent'));

    console.log('-- live');
    await page.setViewportSize({ width: 1440, height: 900 });
    const before = second.all.documents;
    await api(server, 'POST', '/v1/jobs', { pipeline: 'bills', input: { stem: 'bills-70', name: 'bills-70.png' } });
    await until('a job that came in meanwhile is counted', async () => Number(await page.locator('.gate').first().locator('.curve tbody').last().locator('td').first().innerText()) === before + 1);
    is_quiet('the curve', page);
});
