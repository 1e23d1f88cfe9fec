// SPDX-License-Identifier: MIT
// The parts of the page that need no browser: numbers, edits, boxes, rules, the view.
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const from = (name) => import(pathToFileURL(join(process.env.FOUNDRY_SOURCE_ROOT, 'engine/serve/page/src', name)).href);
const { Num, parse, same, write } = await from('json.js');
const { Edits } = await from('edits.js');
const { box_flaw, box_from, box_move, box_resize, box_row, boxes_find } = await from('boxes.js');
const { rule_flaw, rule_read } = await from('rule.js');
const { choices_of, kind_of, schema_at, title_of, value_read } = await from('schema.js');
const { to_image, to_screen, view_fit, view_first, view_show, view_zoom } = await from('view.js');
const { ago, duration } = await from('time.js');
const pointer = await from('pointer.js');

let passed = 0, failed = 0;
function test(what, body) {
    try {
        body();
        passed++;
        console.log(`ok      ${what}`);
    } catch (error) {
        failed++;
        console.log(`FAILED  ${what}: ${error.message}`);
    }
}
const plain = (value) => JSON.parse(write(value));

// ---- json ----

test('a document comes back byte for byte', () => {
    for (const text of ['{"a":1.10,"b":9007199254740993,"c":-0,"d":1e2,"e":[0.1,1.0,15.00],"f":"\\u00e4\\n\\"","g":{}}',
        '[]', '[[],{}]', 'null', '"\\u0000"', '1E400', '{"__proto__":1,"constructor":2}', '"\\ud800"', '-0.0']) {
        equal(write(parse(text)), text.replace('\\u00e4', 'ä'));
    }
});
test('a number that JavaScript would write otherwise keeps its text', () => {
    for (const text of ['1.0', '1.10', '9007199254740993', '1e2', '-0', '1E400', '0.1000']) {
        ok(parse(text) instanceof Num, text);
        equal(String(parse(text)), text);
    }
    for (const text of ['1', '0.1', '-5', '9007199254740991', '1e+30']) {
        equal(typeof parse(text), 'number', text);
        equal(write(parse(text)), text);
    }
});
test('what is no JSON is refused with its place', () => {
    for (const text of ['', '{', '[1,]', '{"a":1,}', '01', '1.', '.5', '+1', 'nul', '"a', '"\\x"', '"\u0001"', '1 2', '{"a" 1}', '{a:1}', '\'a\'', '[1 2]', 'NaN', '"\\u12g4"']) {
        throws(() => parse(text), /at character [0-9]+ of the JSON/, text);
    }
    throws(() => parse('['.repeat(300) + ']'.repeat(300)), /too deep/);
});
test('a key may be called __proto__ and touches nothing', () => {
    const value = parse('{"__proto__":{"polluted":true}}');
    equal({}.polluted, undefined);
    deepEqual(Object.keys(value), ['__proto__']);
});
test('numbers are compared by decimal value', () => {
    for (const [a, b] of [['1.0', '1'], ['1e2', '100'], ['0.10', '0.1'], ['-0', '0'], ['9007199254740993', '9007199254740993.0'], ['1E2', '100.00']]) {
        ok(same(parse(a), parse(b)), `${a} ${b}`);
    }
    for (const [a, b] of [['9007199254740993', '9007199254740992'], ['1', '-1'], ['1', '10'], ['0.1', '0.01']]) {
        ok(!same(parse(a), parse(b)), `${a} ${b}`);
    }
    ok(same(parse('{"a":[1.0,{"b":null}]}'), parse('{"a":[1,{"b":null}]}')));
    ok(!same(parse('"1"'), parse('1')));
    ok(!same(parse('[1]'), parse('[1,2]')));
});

// ---- pointers and edits ----

test('pointers unescape and do not reach what is not there', () => {
    const document = parse('{"a/b":{"~":[1,2]},"length":3}');
    equal(pointer.get(document, '/a~1b/~0/1'), 2);
    equal(pointer.get(document, '/a~1b/~0/length'), undefined);
    equal(pointer.get(document, '/toString'), undefined);
    equal(pointer.join('/x', 'a/b~c'), '/x/a~1b~0c');
    equal(pointer.get(document, ''), document);
});
const invoice = '{"name":"Hardwar","rows":[{"d":"Nails","q":1.0,"t":15.0},{"d":"Glue","q":1.0,"t":35.5}]}';
test('an edit is a value by pointer; the rest stays as it was', () => {
    const edits = new Edits(parse(invoice));
    edits.set('/rows/0/q', 10);
    edits.set('/name', 'Hardware');
    equal(write(edits.answer()), '{"values":{"/name":"Hardware","/rows/0/q":10},"removed":[]}');
    equal(write(edits.document()), '{"name":"Hardware","rows":[{"d":"Nails","q":10,"t":15.0},{"d":"Glue","q":1.0,"t":35.5}]}');
});
test('a place put back to what was shown is no edit', () => {
    const edits = new Edits(parse(invoice));
    edits.set('/name', 'x');
    edits.set('/name', 'Hardwar');
    edits.set('/rows/0/q', parse('1.0'));
    ok(edits.is_empty);
});
test('rows are added behind the last one, in order, also beyond ten', () => {
    const edits = new Edits(parse('{"rows":[1,2]}'));
    for (let i = 0; i < 12; i++) {
        edits.add('/rows', `r${i}`);
    }
    deepEqual(Object.keys(edits.answer().values), [...Array(12)].map((unused, i) => `/rows/${i + 2}`));
    edits.remove('/rows/3');
    deepEqual(Object.values(edits.answer().values), ['r0', ...[...Array(10)].map((unused, i) => `r${i + 2}`)]);
});
test('a field of an added row changes the row', () => {
    const edits = new Edits(parse(invoice));
    const at = edits.add('/rows', parse('{"d":"","q":null}'));
    edits.set(`${at}/d`, 'Screws');
    edits.set(`${at}/q`, parse('2.50'));
    equal(write(edits.answer().values), '{"/rows/2":{"d":"Screws","q":2.50}}');
});
test('a removed row of the model can come back, and takes its edits with it', () => {
    const edits = new Edits(parse(invoice));
    edits.set('/rows/0/q', 3);
    edits.remove('/rows/0');
    equal(write(edits.answer()), '{"values":{},"removed":["/rows/0"]}');
    equal(write(edits.document()), '{"name":"Hardwar","rows":[{"d":"Glue","q":1.0,"t":35.5}]}');
    edits.restore('/rows/0');
    equal(write(edits.answer()), '{"values":{"/rows/0/q":3},"removed":[]}');
});
test('a list that is not there can begin', () => {
    const edits = new Edits(parse('{}'));
    const at = edits.add('/rows', parse('{"a":1}'));
    edits.set(`${at}/a`, 2);
    edits.add('/rows', parse('{"a":3}'));
    equal(write(edits.document()), '{"rows":[{"a":2},{"a":3}]}');
    edits.remove('/rows/0');
    equal(write(edits.document()), '{"rows":[{"a":3}]}');
});

// ---- schema ----

const schema = parse(`{"type":"object","$defs":{"money":{"type":"number","title":"Money"}},"properties":{
    "rows":{"type":"array","items":{"type":"object","properties":{"t":{"$ref":"#/$defs/money"},"n":{"type":["integer","null"]}}}},
    "kind":{"enum":["a","b"]},"on":{"type":"boolean"},"supplierName":{"type":"string"}}}`);
test('a place finds its schema through items and $ref', () => {
    equal(schema_at(schema, '/rows/7/t').title, 'Money');
    equal(kind_of(schema_at(schema, '/rows/7/t'), 1), 'number');
    equal(kind_of(schema_at(schema, '/kind'), 'a'), 'choice');
    equal(kind_of(schema_at(schema, '/on'), true), 'boolean');
    equal(kind_of(schema_at(schema, '/rows'), []), 'table');
    equal(kind_of(schema_at(schema, '/nothing'), parse('1.0')), 'number');
    equal(kind_of(schema_at(null, '/x'), parse('{"a":[1]}')), 'object');
});
test('titles are made of names', () => {
    equal(title_of({}, '/supplier_name'), 'Supplier name');
    equal(title_of(schema_at(schema, '/supplierName'), '/supplierName'), 'Supplier Name');
});
test('a typed number keeps its text or is refused', () => {
    const number = { type: 'number' };
    equal(write(value_read('number', number, '150.00').value), '150.00');
    equal(write(value_read('number', number, ' 9007199254740993 ').value), '9007199254740993');
    equal(write(value_read('number', number, '.5').value), '0.5');
    for (const text of ['', '1,5', '1e', 'ten', '0x10', '--1', '1.5.2', '01', '150.']) {
        ok(value_read('number', number, text).flaw, text);
    }
    ok(value_read('number', { type: 'integer' }, '1.5').flaw);
    equal(value_read('number', { type: 'integer' }, '2').value, 2);
    equal(value_read('number', schema_at(schema, '/rows/0/n'), '').value, null);
});
test('choices carry numbers as numbers and their names', () => {
    const list = choices_of(parse('{"enum":[101,9007199254740993]}'), parse('{"choices":[{"id":101,"name":"Ham"},{"id":9007199254740993,"name":"Onions"}]}'));
    deepEqual(list.map((one) => one.label), ['Ham', 'Onions']);
    equal(write(list.map((one) => one.value)), '[101,9007199254740993]');
});

// ---- rules ----

test('a rule says what the detector will say', () => {
    const rule = rule_read('quantity * unit_price == total_cost');
    deepEqual(rule.names, ['/quantity', '/unit_price', '/total_cost']);
    equal(rule_flaw(rule, parse('{"quantity":10,"unit_price":15.0,"total_cost":15.0}'), null, 0), 'quantity * unit_price = 150.00, total_cost = 15.00');
    equal(rule_flaw(rule, parse('{"quantity":10,"unit_price":15.0,"total_cost":150.00}'), null, 0), null);
    equal(rule_flaw(rule, parse('{"quantity":"x","unit_price":15.0,"total_cost":1}'), null, 0), null);
    equal(rule_flaw(rule, parse('{"quantity":3,"unit_price":0.1,"total_cost":0.3}'), null, 0), null);
});
test('sums, brackets, signs and relations', () => {
    const document = parse('{"rows":[{"t":1.5},{"t":2.5}],"total":4,"tax":{"rate":0.5}}');
    equal(rule_flaw(rule_read('sum(/rows/*/t) == total'), document, document, 0), null);
    equal(rule_flaw(rule_read('sum(/rows/*/t) * (1 + tax.rate) <= total'), document, document, 0), 'sum(/rows/*/t) * (1 + tax.rate) = 6.00, total = 4.00');
    equal(rule_flaw(rule_read('-total >= -4'), document, document, 0), null);
    for (const text of ['', 'a ==', 'a = b', '(a == b', 'a == b == c', 'sum(/x == b', 'a b == c']) {
        equal(rule_read(text), null, text);
    }
});

// ---- boxes ----

test('boxes are found however they are written', () => {
    for (const [text, box] of [
        ['{"boxes":[{"label":"p","box":[1,2,3,4]}]}', [1, 2, 3, 4]],
        ['{"a":{"found":[{"x_min":1,"y_min":2,"x_max":3,"y_max":4}]}}', [1, 2, 3, 4]],
        ['{"o":[{"bbox":[1,2,10,20]}]}', [1, 2, 11, 22]],
        ['{"o":[{"x":1,"y":2,"width":10,"height":20}]}', [1, 2, 11, 22]]]) {
        const subject = parse(text);
        const boxes = boxes_find(subject, null);
        deepEqual(boxes.shape.read(pointer.get(subject, `${boxes.pointer}/0`)), box, text);
        const row = pointer.get(subject, `${boxes.pointer}/0`);
        equal(write(boxes.shape.write(row, box)), write(row));
    }
    equal(boxes_find(parse('{"rows":[{"x":1}],"n":[1,2,3,4]}'), null), null);
    equal(boxes_find(parse('{"o":[{"bbox":[1,2,3,4]}]}'), parse('{"properties":{"o":{"items":{"properties":{"bbox":{"x-foundry-box":"xyxy"}}}}}}')).shape
        .read(parse('{"bbox":[1,2,3,4]}')).join(), '1,2,3,4');
});
test('a coordinate that is not moved keeps its text', () => {
    const boxes = boxes_find(parse('{"b":[{"box":[220.0,180,280.50,400]}]}'), null);
    equal(write(boxes.shape.write(parse('{"box":[220.0,180,280.50,400]}'), [220, 180, 300, 400])), '{"box":[220.0,180,300,400]}');
});
test('boxes outside, reversed, without size are told', () => {
    equal(box_flaw([0, 0, 640, 640], 640, 640), null);
    ok(/outside/.test(box_flaw([700, 400, 730, 450], 640, 640)));
    ok(/past the edge/.test(box_flaw([610, 300, 650, 380], 640, 640)));
    ok(/no size/.test(box_flaw([5, 5, 5, 9], 640, 640)));
    ok(/reversed/.test(box_flaw([9, 5, 5, 9], 640, 640)));
});
test('a drawn box is whole, in order, inside, and never empty', () => {
    deepEqual(box_from([540.4, 419.6], [499.6, 100.4], 640, 640), [500, 100, 540, 420]);
    deepEqual(box_from([-20, -20], [700, 10], 640, 640), [0, 0, 640, 10]);
    deepEqual(box_from([5, 5], [5, 5], 640, 640), [5, 5, 6, 6]);
    deepEqual(box_from([640, 640], [640, 640], 640, 640), [639, 639, 640, 640]);
});
test('moving stops at the edge, resizing never turns a box over', () => {
    deepEqual(box_move([600, 10, 630, 40], 50, -50, 640, 640), [610, 0, 640, 30]);
    deepEqual(box_move([700, 400, 730, 450], -100, 0, 640, 640), [600, 400, 630, 450]);
    deepEqual(box_resize([220, 180, 280, 400], 'e', 20, 5, 640, 640), [220, 180, 300, 400]);
    deepEqual(box_resize([220, 180, 280, 400], 'w', 200, 0, 640, 640), [279, 180, 280, 400]);
    deepEqual(box_resize([220, 180, 280, 400], 'ne', 1000, -1000, 640, 640), [220, 0, 640, 400]);
});
test('a drawn row is like its neighbours, but a person\'s', () => {
    const subject = parse('{"boxes":[{"box_id":"a1","label":"pole","source":"model","confidence":0.9,"box":[1,2,3,4]}]}');
    const boxes = boxes_find(subject, null);
    const rows = [{ value: subject.boxes[0] }];
    deepEqual(plain(box_row(boxes, rows, [5, 6, 7, 8], 'pole')), { box_id: 'h1', label: 'pole', source: 'human', confidence: null, box: [5, 6, 7, 8] });
});

// ---- the view ----

test('from image to screen and back is the same pixel at any zoom and turn', () => {
    const size = { width: 641, height: 480 }, stage = { width: 913, height: 701 };
    for (const turn of [0, 90, 180, 270]) {
        let view = view_fit({ ...view_first, turn }, size, stage);
        for (const factor of [1, 1.37, 3.1, 0.2, 0.5]) {
            view = view_zoom(view, size, stage, factor, [100, 200]);
            for (const point of [[0, 0], [641, 480], [500, 100], [17, 333]]) {
                const back = to_image(view, size, stage, to_screen(view, size, stage, point));
                ok(Math.abs(back[0] - point[0]) < 1e-6 && Math.abs(back[1] - point[1]) < 1e-6, `${turn} ${view.scale} ${point} ${back}`);
            }
        }
    }
});
test('a zoom holds the point under the pointer', () => {
    const size = { width: 600, height: 600 }, stage = { width: 600, height: 600 };
    const before = to_image(view_first, size, stage, [150, 210]);
    const after = to_image(view_zoom(view_first, size, stage, 2.5, [150, 210]), size, stage, [150, 210]);
    ok(Math.hypot(before[0] - after[0], before[1] - after[1]) < 1e-6);
});
test('a place is brought onto the stage and made readable', () => {
    const size = { width: 4000, height: 6000 }, stage = { width: 800, height: 600 };
    const place = { x: 3500, y: 5500, width: 200, height: 40 };
    const view = view_show(view_fit(view_first, size, stage), size, stage, place);
    const [x0, y0] = to_screen(view, size, stage, [place.x, place.y]), [x1, y1] = to_screen(view, size, stage, [place.x + 200, place.y + 40]);
    ok(x0 >= 0 && y0 >= 0 && x1 <= 800 && y1 <= 600 && y1 - y0 >= 15, `${x0} ${y0} ${x1} ${y1}`);
});
test('a span is told in the same words whether it was rounded before or not', () => {
    const told = [[2, '2 s'], [2.04, '2 s'], [1.96, '2 s'], [2.06, '2.1 s'], [9.97, '10 s'], [12.4, '12 s'], [89.6, '90 s'], [91, '2 min'], [0, '0 s'], [null, '–'], [Number.NaN, '–']];
    deepEqual(told.map(([seconds]) => duration(seconds)), told.map(([, words]) => words));
    const now = Date.parse('2026-01-01T00:10:00Z');
    deepEqual(['2026-01-01T00:09:58Z', '2026-01-01T00:07:00Z', '2026-01-01T02:10:00Z', 'never'].map((time) => ago(time, now)), ['now', '3 min ago', 'in 2 h', '']);
});

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
