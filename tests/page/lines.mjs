// SPDX-License-Identifier: MIT
// A folder of lines, of which the least certain are asked: none before the batch is whole, then
// exactly so many; Enter takes a line and shows the next, typed or right as it is.
import { api, check, engine, engine_begin, equal, focus, is_accessible, is_quiet, person, png, serve, shot, test, until, write } from './lib.mjs';

const lines = [['The quick brown fox', 0.97], ['jumps ovcr the lazy dog', 0.62], ['Pack my box with', 0.88], ['five dozen liquor jugs', 0.55], ['Sphinx of black quartz', 0.91]];
const result = lines.map(([text, confidence]) => ({ text: { value: text, confidence } }));

await test(async () => {
    write('line.schema.json', '{"type":"object","properties":{"text":{"title":"Text","type":"string"}},"required":["text"],"additionalProperties":false}');
    // Each takes as many milliseconds as its picture has bytes: the last one keeps the others waiting.
    write('lines.yaml', `foundry: v1
name: lines
inputs: {match: ["*/*.png"]}
phases:
  - {id: rest, uses: steps/slow, with: {ms: "\${input.size}"}}
  - id: read
    uses: playback/play
    with: {name: "\${input.stem}", results: ${JSON.stringify(result)}}
  - id: review
    uses: foundry/human
    with:
      of: read
      choose: {uncertain: 3, quiet: 0s}
      audit: 0%
      undo: 10m
      schema: line.schema.json
export:
  pairs: {format: openai-chat, prompt: "Read the line.", of: review}
`);
    let seed = 7;
    const noise = () => { // a fixed one
        seed = (seed * 1103515245 + 12345) % 2147483648;
        return [seed >> 16 & 255, seed >> 8 & 255, seed >> 20 & 255];
    };
    const words = (x, y) => (y > 8 && y < 24 && (x * 7 + y * 3) % 11 < 5 ? [40, 42, 48] : [250, 249, 246]);
    lines.forEach((line, i) => write(`jobs/monday/line-${i + 1}.png`, png(i === 4 ? 30 : 320, 32, i === 4 ? noise : words)));
    const server = await serve('jobs', { words: ['--pipeline', 'lines.yaml'] });
    const page = await person(server);
    const get = async (path) => (await api(server, 'GET', path)).value;

    console.log('-- a batch');
    await page.goto(`${server.url}/#/next`);
    await page.waitForSelector('.center.done');
    const over = engine_begin('run', 'lines.yaml', 'jobs');
    let early = 0, held = 0;
    await until('three are asked', async () => {
        const [{ items: asks }, cards] = [await get('/v1/asks'), await page.locator('.card').count()];
        const { items: jobs } = await get('/v1/jobs?path=line-5');
        if (jobs[0]?.phase === 'rest') { // it still is, after the look at the cards
            early = Math.max(early, asks.length, cards);
            held++;
        }
        return asks.length === 3;
    });
    equal('nobody was asked before the last line was read', early, 0);
    console.log(`${held} looks before it was`);
    equal('the run waits for people', await over, 3);
    await page.waitForSelector('.card[data-state=open]');
    const { items: asks } = await get('/v1/asks');
    equal('exactly the three least certain', asks.map((one) => one.job.path).sort(), [2, 3, 4].map((n) => `monday/line-${n}.png`));
    await until('the bar counts them', async () => (await page.locator('.bar .count').innerText()) === '3');

    console.log('-- by Enter alone');
    const title = () => page.locator('.card h1').innerText();
    const seen = [];
    for (let i = 0; i < 3; i++) {
        await page.waitForFunction((known) => !known.includes(document.querySelector('.card h1')?.textContent ?? known[0] ?? ''), seen);
        const name = await title();
        seen.push(name);
        await page.waitForSelector('.picture.there');
        await until('the line has the focus', async () => (await focus(page)) === '/text');
        if (name === 'monday/line-2.png') {
            equal('it is the line as it was read', await page.locator('[data-field="/text"]').inputValue(), 'jumps ovcr the lazy dog');
            await is_accessible('a line', page);
            await shot(page, 'line');
            await page.keyboard.type('jumps over the lazy dog');
        }
        await page.keyboard.press('Enter');
    }
    await page.waitForSelector('.center.done >> text=3 answered in this sitting');
    equal('each came once', [...seen].sort(), [2, 3, 4].map((n) => `monday/line-${n}.png`));
    await until('all five are completed', async () => (await get('/v1/stats')).jobs.completed === 5);
    const { reviewed } = await get('/v1/stats');
    equal('two right readings are accepted, one is corrected', [reviewed.accepted, reviewed.corrected], [2, 1]);

    console.log('-- taken back by U');
    // The queue may claim it as its next card before the claim that belongs to U is through.
    const claimed = page.waitForResponse(async (reply) => reply.url().endsWith('/v1/asks/next') && (await reply.json()).items?.length > 0);
    await page.route('**/claim', async (route) => {
        await claimed;
        await route.continue();
    });
    await page.keyboard.press('u');
    await page.waitForSelector('.toast >> text=is open again');
    await page.waitForSelector('.card[data-state=open]');
    equal('the last one is back', await title(), seen[2]);
    await until('and the counter went back', async () => (await page.locator('.progress').innerText()).trim().split(' · ')[0] === '2 of 3');
    await until('the line has the focus', async () => (await focus(page)) === '/text');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.center.done >> text=3 answered in this sitting');
    await until('all five are completed again', async () => (await get('/v1/stats')).jobs.completed === 5);
    const after = (await get('/v1/stats')).reviewed;
    equal('what was taken back is in no figure', [after.accepted, after.corrected, after.fields_changed], [2, 1, reviewed.fields_changed]);
    equal('but its time is that of the answer that stands', [after.seconds_total >= reviewed.seconds_total, after.fields_total], [true, reviewed.fields_total]);
    const records = engine('export', 'jobs', '--format', 'foundry', '-o', '-').out.trim().split('\n').map((line) => JSON.parse(line)).filter((one) => !one.provenance.undone);
    equal('and so it is on record', records.map((one) => [one.provenance.path, one.verdict]).sort(),
        [['monday/line-2.png', 'corrected'], ['monday/line-3.png', 'accepted'], ['monday/line-4.png', 'accepted']]);
    is_quiet('lines', page);
    equal('the record is sound', (await server.stop(), engine('verify', 'jobs').code), 0);
});
