/* SPDX-License-Identifier: MIT */
#include "degrade.h"

#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Strength of each fault by level; lengths in pixels, angles in degrees, light in shares. */
static const struct {
    double skew_degrees, perspective_share, blur_low, blur_high, noise, shade;
    int quality_low, quality_high;
} strengths[LEVELS] = {
    [LEVEL_CLEAN] = {0.2, 0.0, 0.0, 0.3, 1.0, 0.0, 65, 80},
    [LEVEL_SCAN] = {1.0, 0.0, 0.4, 0.7, 4.0, 0.04, 45, 70},
    [LEVEL_PHOTO] = {1.8, 0.008, 0.6, 1.1, 6.0, 0.25, 35, 60},
    [LEVEL_POOR] = {2.0, 0.010, 1.2, 1.7, 16.0, 0.35, 22, 38},
};

/** Replace *pix by `next`, if there is one; 0, or -1 when next is NULL. */
static int step(struct Pix **pix, struct Pix *next)
{
    if (next == NULL) {
        return -1;
    }
    pixDestroy(pix);
    *pix = next;
    return 0;
}

static struct Pix *perspective(struct Pix *pix, double share, struct prng *prng, struct warp *warp)
{
    l_float32 width = (l_float32)pixGetWidth(pix), height = (l_float32)pixGetHeight(pix);
    const l_float32 corners[4][2] = {{0, 0}, {width, 0}, {width, height}, {0, height}};
    PTA *from = ptaCreate(4), *to = ptaCreate(4);
    struct Pix *bent = NULL;
    if (from != NULL && to != NULL) {
        for (int i = 0; i < 4; i++) {
            l_float32 dx = (l_float32)(prng_real(prng, -share, share) * width);
            l_float32 dy = (l_float32)(prng_real(prng, -share, share) * height);
            ptaAddPt(from, corners[i][0], corners[i][1]);
            ptaAddPt(to, corners[i][0] + dx, corners[i][1] + dy);
        }
        l_float32 *coefficients = NULL;
        if (getProjectiveXformCoeffs(from, to, &coefficients) == 0) {
            memcpy(warp->bent, coefficients, sizeof warp->bent);
            bent = pixProjectivePta(pix, to, from, L_BRING_IN_WHITE);
        }
        lept_free(coefficients);
    }
    ptaDestroy(&from);
    ptaDestroy(&to);
    return bent;
}

static struct Pix *blur(struct Pix *pix, double sigma)
{
    L_KERNEL *kernel = makeGaussianKernel(3, 3, (l_float32)sigma, 1.0f);
    struct Pix *blurred = kernel == NULL ? NULL : pixConvolve(pix, kernel, 8, 1);
    kernelDestroy(&kernel);
    return blurred;
}

/** Uneven light and sensor noise, in place. */
static void light(struct Pix *pix, double shade, double noise, struct prng *prng)
{
    int width = pixGetWidth(pix), height = pixGetHeight(pix);
    double dx = prng_real(prng, -1, 1), dy = prng_real(prng, -1, 1);
    for (int y = 0; y < height; y++) {
        l_uint32 *row = pixGetData(pix) + (ptrdiff_t)y * pixGetWpl(pix);
        for (int x = 0; x < width; x++) {
            double at = dx * ((double)x / width - 0.5) + dy * ((double)y / height - 0.5);
            double value = GET_DATA_BYTE(row, x);
            value = value * (1.0 - shade * (0.5 + at) * 0.9) + noise * prng_normal(prng);
            value = value < 0 ? 0 : value > 255 ? 255 : value;
            SET_DATA_BYTE(row, x, (l_uint8)value);
        }
    }
}

void warp_box(const struct warp *warp, double box[4])
{
    const float *c = warp->bent;
    double result[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (int corner = 0; corner < 4; corner++) {
        double dx = box[corner & 1 ? 2 : 0] - warp->middle_x;
        double dy = box[corner & 2 ? 3 : 1] - warp->middle_y;
        double x = warp->middle_x + warp->cosine * dx - warp->sine * dy;
        double y = warp->middle_y + warp->sine * dx + warp->cosine * dy;
        double share = c[6] * x + c[7] * y + 1.0;
        double at_x = (c[0] * x + c[1] * y + c[2]) / share;
        double at_y = (c[3] * x + c[4] * y + c[5]) / share;
        result[0] = fmin(result[0], at_x);
        result[1] = fmin(result[1], at_y);
        result[2] = fmax(result[2], at_x);
        result[3] = fmax(result[3], at_y);
    }
    memcpy(box, result, sizeof result);
}

struct Pix *degrade(struct Pix *pix, enum level level, struct prng *prng, struct warp *warp)
{
    double pi = 3.14159265358979;
    double skew = strengths[level].skew_degrees;
    skew = prng_real(prng, -skew, skew) * pi / 180;
    double sigma = prng_real(prng, strengths[level].blur_low, strengths[level].blur_high);
    struct Pix *page = pixConvertTo8(pix, 0);
    *warp = (struct warp){.sine = sin(skew),
                          .cosine = cos(skew),
                          .middle_x = pixGetWidth(pix) / 2,
                          .middle_y = pixGetHeight(pix) / 2,
                          .bent = {1, 0, 0, 0, 1, 0, 0, 0}};
    if (page == NULL || step(&page, pixRotate(page, (l_float32)skew, L_ROTATE_AREA_MAP,
                                              L_BRING_IN_WHITE, 0, 0)) != 0) {
        goto failed;
    }
    if (strengths[level].perspective_share > 0 &&
        step(&page, perspective(page, strengths[level].perspective_share, prng, warp)) != 0) {
        goto failed;
    }
    if (sigma > 0.2 && step(&page, blur(page, sigma)) != 0) {
        goto failed;
    }
    light(page, strengths[level].shade, strengths[level].noise, prng);
    return page;
failed:
    pixDestroy(&page);
    return NULL;
}

/** Write a JPEG with an APP1 EXIF segment behind SOI that holds nothing but an orientation. */
static int jpeg_write(const char *path, const l_uint8 *bytes, size_t size, unsigned orientation)
{
    const unsigned char exif[] = {0xff, 0xe1,
                                  0,    34, /* APP1, 34 bytes with this length */
                                  'E',  'x',
                                  'i',  'f',
                                  0,    0, /* its name */
                                  'M',  'M',
                                  0,    42,
                                  0,    0,
                                  0,    8, /* big-endian TIFF, first IFD at 8 */
                                  0,    1, /* one entry: */
                                  0x01, 0x12,
                                  0,    3,
                                  0,    0,
                                  0,    1, /* tag 0x0112 Orientation, one SHORT */
                                  0,    (unsigned char)orientation,
                                  0,    0,
                                  0,    0,
                                  0,    0};
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return -1;
    }
    int failed = fwrite(bytes, 1, 2, file) != 2;
    if (orientation != 1) {
        failed |= fwrite(exif, 1, sizeof exif, file) != sizeof exif;
    }
    failed |= fwrite(bytes + 2, 1, size - 2, file) != size - 2;
    return fclose(file) != 0 || failed ? -1 : 0;
}

static int jpeg_store(struct Pix *pix, const char *path, int quality, bool exif_rotated)
{
    l_uint8 *bytes = NULL;
    size_t size = 0;
    /* Orientation 6: the viewer turns the stored pixels clockwise, so they are stored turned
     * anti-clockwise. */
    struct Pix *stored = exif_rotated ? pixRotate90(pix, -1) : pixClone(pix);
    int result = -1;
    if (stored != NULL && pixWriteMemJpeg(&bytes, &size, stored, quality, 0) == 0 && size > 2) {
        result = jpeg_write(path, bytes, size, exif_rotated ? 6 : 1);
    }
    lept_free(bytes);
    pixDestroy(&stored);
    return result;
}

int picture_write(struct Pix *pix, const char *path, enum format format, enum level level,
                  bool exif_rotated, struct prng *prng)
{
    int quality = prng_range(prng, strengths[level].quality_low, strengths[level].quality_high);
    if (format == FORMAT_JPEG) {
        return jpeg_store(pix, path, quality, exif_rotated);
    }
    struct Pix *small =
        format == FORMAT_PNG ? pixThresholdTo2bpp(pix, 4, 0) : pixThresholdToBinary(pix, 160);
    int result = -1;
    if (small != NULL) {
        result = pixWrite(path, small, format == FORMAT_PNG ? IFF_PNG : IFF_TIFF_G4);
    }
    pixDestroy(&small);
    return result == 0 ? 0 : -1;
}
