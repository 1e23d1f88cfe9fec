# SPDX-License-Identifier: MIT
# Pictures that are no invoice, and one that is, upside down:  bad_pages.py SAMPLE FOLDER
import random
import sys

from PIL import Image, ImageDraw, ImageFilter

sample, folder = sys.argv[1:]
random.seed(7)
Image.new("L", (1240, 1754), 255).save(f"{folder}/blank.png")
Image.open(sample).transpose(Image.ROTATE_180).save(f"{folder}/turned.png")

# As a photograph of an animal: soft shapes on a soft ground, eyes, whiskers.
cat = Image.new("RGB", (900, 700), (150, 140, 120))
draw = ImageDraw.Draw(cat)
for _ in range(400):
    x, y, size = random.randrange(900), random.randrange(700), random.randrange(20, 120)
    grey = random.randrange(60, 200)
    draw.ellipse((x, y, x + size, y + size), fill=(grey, grey - 10, grey - 25))
draw.ellipse((250, 150, 650, 600), fill=(90, 80, 70))
draw.polygon(((270, 250), (300, 60), (420, 180)), fill=(90, 80, 70))
draw.polygon(((630, 250), (600, 60), (480, 180)), fill=(90, 80, 70))
cat = cat.filter(ImageFilter.GaussianBlur(4))
draw = ImageDraw.Draw(cat)
for x in (370, 530):
    draw.ellipse((x - 35, 290, x + 35, 350), fill=(190, 200, 60))
    draw.ellipse((x - 8, 290, x + 8, 350), fill=(10, 10, 10))
for y in (430, 450, 470):
    draw.line((380, y, 130, y + 30), fill=(230, 230, 230), width=2)
    draw.line((520, y, 770, y + 30), fill=(230, 230, 230), width=2)
cat.save(f"{folder}/cat.jpg", quality=85)

# A pen that never stops: loops in lines, joined as handwriting is.
pen = Image.new("L", (1240, 900), 250)
draw = ImageDraw.Draw(pen)
for line in range(9):
    x, y, last = 100, 100 + line * 80, None
    while x < 1140:
        at = (x + random.randrange(-14, 15), y + random.randrange(-22, 23))
        if last is not None and random.random() > 0.06:
            draw.line((*last, *at), fill=30, width=3)
        last, x = at, x + random.randrange(3, 12)
pen.save(f"{folder}/pen.png")

Image.new("L", (20000, 60), 255).save(f"{folder}/wide.png")
Image.new("L", (20001, 60), 255).save(f"{folder}/wider.png")
