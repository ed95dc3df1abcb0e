/* SPDX-License-Identifier: BSD-2-Clause */
/* RM0090 chapter 3: programming and erasing. Locked again after each call. */
#include "flash_f4.h"

#include "modload_store.h"

#define REG(offset) (*(volatile uint32_t *)(0x40023c00u + (offset)))
#define ACR         REG(0x00u)
#define KEYR        REG(0x04u)
#define SR          REG(0x0cu)
#define CR          REG(0x10u)

#define KEY1 0x45670123u
#define KEY2 0xcdef89abu

#define ACR_CACHES (1u << 9 | 1u << 10)  /* ICEN, DCEN */
#define ACR_RESETS (1u << 11 | 1u << 12) /* ICRST, DCRST */

#define SR_BSY    (1u << 16)
#define SR_ERRORS (1u << 1 | 0xfu << 4) /* OPERR, WRPERR, PGAERR, PGPERR, PGSERR */
#define SR_FLAGS  (SR_ERRORS | 1u)

#define CR_PG        (1u << 0)
#define CR_SER       (1u << 1)
#define CR_SNB_SHIFT 3u
#define CR_PSIZE_X32 (2u << 8)
#define CR_STRT      (1u << 16)
#define CR_LOCK      (1u << 31)

/* How often SR is looked at before the controller counts as stuck. A look takes some six
 * clocks at least, so at 168 MHz these are 2 ms (a word: 0.1 ms at most) and 9 s (a
 * sector: 2 s at most, 4 s by bytes). */
#define PROGRAM_LOOKS 0x10000u
#define ERASE_LOOKS   0x10000000u

#ifdef MODLOAD_FLASH_F4_ERASE_SECTION
#define ERASE_SECTION __attribute__((noinline, section(MODLOAD_FLASH_F4_ERASE_SECTION)))
#else
#define ERASE_SECTION __attribute__((noinline))
#endif

uint32_t modload_flash_f4_sector_begin(uint32_t sector)
{
    uint32_t kib = sector < 4 ? 16u * sector : sector == 4 ? 64u : 128u * (sector - 4u);

    return MODLOAD_FLASH_F4_BASE + 1024u * kib;
}

/** Wait for the operation that is under way. @return 0, or -1 for an error or none that
 *  ends */
static int wait(void)
{
    uint32_t looks = PROGRAM_LOOKS, status;

    do {
        status = SR;
        looks--;
    } while ((status & SR_BSY) != 0 && looks != 0);
    return (status & (SR_BSY | SR_ERRORS)) == 0 ? 0 : -1;
}

/** @return 0, or -1 if it does not unlock: a wrong key was given since the last reset */
static int unlock(void)
{
    /* Errors of those before us are none of ours. */
    (void)wait();
    SR = SR_FLAGS;
    if (wait() != 0)
        return -1;
    if ((CR & CR_LOCK) != 0) {
        KEYR = KEY1;
        KEYR = KEY2;
    }
    return (CR & CR_LOCK) == 0 ? 0 : -1;
}

/** What the caches (ART) hold may be old now. They are reset while they are off
 *  (RM0090, 3.5.2 and 3.9.2). */
static void drop_caches(void)
{
    uint32_t acr = ACR;

    ACR = acr & ~ACR_CACHES;
    ACR = (acr & ~ACR_CACHES) | ACR_RESETS;
    ACR = acr & ~ACR_CACHES;
    ACR = acr;
    __asm volatile("dsb\n\tisb" ::: "memory");
}

static void lock(void)
{
    /* The bus would stall for as long as it is busy: for ever, if it is stuck. */
    if ((SR & SR_BSY) == 0)
        CR = CR_LOCK;
    drop_caches();
}

static int program(struct modfmt_flash *flash, uint32_t offset, const void *bytes,
                   uint32_t size)
{
    volatile uint32_t *place = (volatile uint32_t *)(uintptr_t)(flash->base + offset);
    const uint8_t *from = bytes;
    int rc = unlock();

    if (rc != 0)
        return rc;
    CR = CR_PSIZE_X32 | CR_PG;
    for (; size != 0 && rc == 0; size -= 4, from += 4) {
        *place++ = modfmt_get32(from);
        __asm volatile("dsb" ::: "memory");
        rc = wait();
    }
    lock();
    return rc;
}

/** From the start of an erase to its end: what should be in RAM, if anything. Calls
 *  nothing but the hook. */
ERASE_SECTION static int erase_and_wait(uint32_t control, void (*watchdog)(void))
{
    uint32_t looks = ERASE_LOOKS, status;

    if (watchdog)
        watchdog();
    CR = control;
    CR = control | CR_STRT;
    __asm volatile("dsb" ::: "memory");
    do {
        status = SR;
        looks--;
        if (watchdog)
            watchdog();
    } while ((status & SR_BSY) != 0 && looks != 0);
    return (status & (SR_BSY | SR_ERRORS)) == 0 ? 0 : -1;
}

static int erase(struct modfmt_flash *flash, uint32_t sector)
{
    /* `flash` is the first member. */
    struct modload_flash_f4 *f4 = (struct modload_flash_f4 *)(void *)flash;
    uint32_t number = f4->first + sector;
    int rc = unlock();

    if (rc != 0)
        return rc;
    rc = erase_and_wait(CR_PSIZE_X32 | CR_SER | number << CR_SNB_SHIFT, f4->watchdog);
    lock();
    return rc;
}

void modload_flash_f4_begin(struct modload_flash_f4 *f4, uint32_t begin, uint32_t end,
                            void (*watchdog)(void))
{
    uint32_t at = begin, sector = 0;

    *f4 = (struct modload_flash_f4){
        .flash = {.base = begin,
                  .unit = MODLOAD_FLASH_F4_UNIT,
                  .sector_size = f4->sector_size,
                  .read = modload_store_read,
                  .program = program,
                  .erase = erase},
        .watchdog = watchdog,
    };
    while (sector < MODLOAD_FLASH_F4_SECTORS &&
           modload_flash_f4_sector_begin(sector) != begin)
        sector++;
    f4->first = sector;
    for (; at < end && sector < MODLOAD_FLASH_F4_SECTORS; sector++) {
        uint32_t next = modload_flash_f4_sector_begin(sector + 1u);

        f4->sector_size[f4->flash.sector_count++] = next - at;
        at = next;
    }
    if (at != end)
        f4->flash.sector_count = 0;
}
