/* SPDX-License-Identifier: MIT */
/* Which addresses a webhook may lead to: a name that resolves into the house is the way in for
 * whoever may write a pipeline's URL but not reach the house. Checked on the address that is
 * connected to, so that a name cannot resolve twice. (RFC 6890 and its IANA registries.) */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "notify/notify.h"

static bool public_v4(const uint8_t b[4])
{
    static const struct {
        uint8_t begin[4];
        int bits;
    } closed[] = {
        {{0, 0, 0, 0}, 8},     {{10, 0, 0, 0}, 8},      {{100, 64, 0, 0}, 10},
        {{127, 0, 0, 0}, 8},   {{169, 254, 0, 0}, 16},  {{172, 16, 0, 0}, 12},
        {{192, 0, 0, 0}, 24},  {{192, 0, 2, 0}, 24},    {{192, 168, 0, 0}, 16},
        {{198, 18, 0, 0}, 15}, {{198, 51, 100, 0}, 24}, {{203, 0, 113, 0}, 24},
        {{224, 0, 0, 0}, 3},
    };
    const uint32_t address =
        (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        const uint8_t *c = closed[i].begin;
        const uint32_t begin =
            (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 | (uint32_t)c[2] << 8 | c[3];
        if ((address ^ begin) >> (32 - closed[i].bits) == 0) {
            return false;
        }
    }
    return true;
}

static bool public_v6(const uint8_t b[16])
{
    static const uint8_t zeros[12] = {0}, mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t translated[12] = {0, 0x64, 0xff, 0x9b};
    if (memcmp(b, mapped, 12) == 0 || memcmp(b, translated, 12) == 0) {
        return public_v4(b + 12);
    }
    if (b[0] == 0x20 && b[1] == 0x02) { /* 6to4: the address inside */
        return public_v4(b + 2);
    }
    if (memcmp(b, zeros, 12) == 0 || (b[0] & 0xe0) != 0x20) {
        return false; /* only 2000::/3 is given out */
    }
    return !(b[0] == 0x20 && b[1] == 0x01 && (b[2] < 0x02 || (b[2] == 0x0d && b[3] == 0xb8)));
}

bool fnd_address_public(const void *address)
{
    const struct sockaddr *any = address;
    if (any->sa_family == AF_INET) {
        struct sockaddr_in v4;
        uint8_t bytes[4];
        memcpy(&v4, address, sizeof v4);
        memcpy(bytes, &v4.sin_addr, sizeof bytes);
        return public_v4(bytes);
    }
    if (any->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        return public_v6(v6.sin6_addr.s6_addr);
    }
    return false;
}
