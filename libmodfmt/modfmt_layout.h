/* Made by specs/layout.py from specs/layout.toml. Do not edit. */
#ifndef MODFMT_LAYOUT_H
#define MODFMT_LAYOUT_H

#define MODFMT_MAGIC 0x46444f4du
#define MODFMT_MAJOR 1u
#define MODFMT_MINOR 0u
#define MODFMT_HEADER_SIZE 64u
#define MODFMT_IMAGE_ALIGN 32u
#define MODFMT_SIZE_MAX 0x0fffffffu
#define MODFMT_ALIGN_LOG2_MAX 15u
#define MODFMT_TEXT_ALIGN_IN_PLACE_MAX 6u
#define MODFMT_HASH_BASIS 0x811c9dc5u
#define MODFMT_HASH_PRIME 0x01000193u
#define MODFMT_NAME_MAX 63u
#define MODFMT_PLACE_DATA 0x80000000u
#define MODFMT_NO_ENTRY 0u

/* Header fields: offsets in bytes. */
#define MODFMT_OFF_MAGIC 0u /**< MODF: 4D 4F 44 46 */
#define MODFMT_OFF_MAJOR 4u /**< major version, 1 */
#define MODFMT_OFF_MINOR 5u /**< minor version, 0 */
#define MODFMT_OFF_HEADER_SIZE 6u /**< 64 */
#define MODFMT_OFF_TOTAL_SIZE 8u /**< bytes of the whole image, a multiple of 32 */
#define MODFMT_OFF_FLAGS 12u /**< placements the code allows; see Flags */
#define MODFMT_OFF_MACHINE 16u /**< ELF e_machine number: 40 ARM */
#define MODFMT_OFF_NEEDS 18u /**< what the code needs of the core and of the caller; see Needs */
#define MODFMT_OFF_ENTRY 20u /**< offset of the entry function from the start of text, bit 0 set (Thumb); 0: none */
#define MODFMT_OFF_STACK_SIZE 24u /**< bytes of stack that the entry function needs; 0: not stated */
#define MODFMT_OFF_TEXT_STORED 28u /**< bytes of text in the image */
#define MODFMT_OFF_TEXT_MEM 32u /**< bytes of text in memory */
#define MODFMT_OFF_DATA_STORED 36u /**< bytes of data in the image */
#define MODFMT_OFF_DATA_MEM 40u /**< bytes of data and bss in memory */
#define MODFMT_OFF_RELOC_SIZE 44u /**< bytes of relocation lists */
#define MODFMT_OFF_IMPORT_COUNT 48u /**< number of imports */
#define MODFMT_OFF_EXPORT_COUNT 50u /**< number of exports */
#define MODFMT_OFF_TEXT_ALIGN 52u /**< log2 of the alignment of text, at most 15 */
#define MODFMT_OFF_DATA_ALIGN 53u /**< log2 of the alignment of data, at most 15 */
#define MODFMT_OFF_CRITICAL_COUNT 54u /**< number of critical tags */
#define MODFMT_OFF_CRC 56u /**< CRC-32 of the whole image with this field taken as zero */
#define MODFMT_OFF_HEADER_CHECK 60u /**< CRC-32 of the bytes 0 to 55 */

/* flag bits. */
#define MODFMT_FLAG_BLOCK 0x1u /**< text and data may be loaded as one block: data at text + text_mem */
#define MODFMT_FLAG_APART 0x2u /**< text and data may be loaded at two unrelated addresses */
#define MODFMT_FLAG_IN_PLACE 0x4u /**< text needs no fix-up and may run where the image lies; implies apart */
#define MODFMT_FLAG_LINKED 0x8u /**< fixed for one place, where it runs, and for one firmware: see the tag linked; then none of the three above */
#define MODFMT_FLAG_CODE_IN_DATA 0x10u /**< data holds code: its memory shall be executable */
#define MODFMT_FLAG_ALL 0x1fu

/* need bits. */
#define MODFMT_NEED_V6M 0x1u /**< the instructions of ARMv6-M */
#define MODFMT_NEED_V7M 0x2u /**< those that ARMv7-M adds */
#define MODFMT_NEED_DSP 0x4u /**< the DSP extension: ARMv7E-M, or ARMv8-M with it */
#define MODFMT_NEED_V8M_BASE 0x8u /**< those that ARMv8-M Baseline adds to ARMv6-M */
#define MODFMT_NEED_V8M_MAIN 0x10u /**< those that ARMv8-M Mainline adds to ARMv7-M */
#define MODFMT_NEED_V81M 0x20u /**< those that ARMv8.1-M Mainline adds */
#define MODFMT_NEED_MVE 0x40u /**< the M-profile vector extension */
#define MODFMT_NEED_FPU_SP 0x80u /**< an FPU with single precision (FPv4-SP) */
#define MODFMT_NEED_FPU_DP 0x100u /**< an FPU with double precision */
#define MODFMT_NEED_FPU_V5 0x200u /**< the instructions of FPv5 (VSEL, VRINTx, VMAXNM) */
#define MODFMT_NEED_ABI_SOFT 0x400u /**< floating-point arguments are passed in core registers (soft, softfp) */
#define MODFMT_NEED_ABI_HARD 0x800u /**< floating-point arguments are passed in FPU registers (hard) */
#define MODFMT_NEED_ALL 0xfffu

/* import_flag bits. */
#define MODFMT_IMPORT_OBJECT 0x1u /**< a data object; otherwise a function */
#define MODFMT_IMPORT_UNVERIFIED 0x2u /**< the type tag was not derived from what the module was compiled against */
#define MODFMT_IMPORT_ALL 0x3u

/* export_flag bits. */
#define MODFMT_EXPORT_DATA 0x1u /**< the value counts from the start of data; otherwise of text */
#define MODFMT_EXPORT_OBJECT 0x2u /**< a data object; otherwise a function, and bit 0 of the value is set for Thumb */
#define MODFMT_EXPORT_ALL 0x3u

/* Relocation lists. */
#define MODFMT_RELOC_TARGET_MASK 7u
#define MODFMT_RELOC_PLACE_DATA 8u
#define MODFMT_RELOC_RELATIVE 16u
#define MODFMT_RELOC_KIND_SHIFT 5u
#define MODFMT_RELOC_RUN_BITS 3u
#define MODFMT_RELOC_RUN_LONG 7u
#define MODFMT_RELOC_END 0u
#define MODFMT_TARGET_TEXT 0u /**< the address where text was loaded */
#define MODFMT_TARGET_DATA 1u /**< the address where data was loaded */
#define MODFMT_TARGET_ABSOLUTE 3u /**< 0; of use with relative only */
#define MODFMT_TARGET_IMPORT 4u /**< an import; its index (16 bits) follows the descriptor */
#define MODFMT_TARGET_IMPORTS 5u /**< for each place the next import; the first one's index (16 bits) follows the descriptor; words only */
#define MODFMT_KIND_WORD_ANY 0u /**< 32-bit words at any byte address; skips count bytes */
#define MODFMT_KIND_MOV 1u /**< Thumb-2 MOVW and MOVT instructions (encoding T3 and T1); skips count half-words */
#define MODFMT_KIND_WORD 2u /**< 32-bit words at multiples of 4; skips count words */
#define MODFMT_MOV_ALONE 7u
#define MODFMT_MOV_DISTANCE_MAX 7u

/* import table entries: offsets in bytes. */
#define MODFMT_IMPORT_OFF_HASH 0x0u
#define MODFMT_IMPORT_OFF_TYPE 0x4u
#define MODFMT_IMPORT_SIZE 0x8u
#define MODFMT_IMPORT_WEAK 0x80000000u

/* export table entries: offsets in bytes. */
#define MODFMT_EXPORT_OFF_HASH 0x0u
#define MODFMT_EXPORT_OFF_TYPE 0x4u
#define MODFMT_EXPORT_OFF_VALUE 0x8u
#define MODFMT_EXPORT_SIZE 0xcu

/* Tags. */
#define MODFMT_TAG_CRITICAL 0x80u
#define MODFMT_TAG_NUMBER_MASK 0x7fu
#define MODFMT_TAG_VALUE_OFFSET 0x4u
#define MODFMT_TAG_VENDOR_FIRST 0x60u
#define MODFMT_TAG_VENDOR_LAST 0x7du
#define MODFMT_TAG_END 0x00u /**< ends the area; all bytes from here to total_size are zero */
#define MODFMT_TAG_NAME 0x01u /**< the module's name */
#define MODFMT_TAG_VERSION 0x02u /**< the module's semantic version: major, minor, patch, 16 bits each */
#define MODFMT_TAG_DESCRIPTION 0x03u /**< one line of text for people */
#define MODFMT_TAG_BUILD_ID 0x04u /**< the ELF's GNU build id */
#define MODFMT_TAG_API_VERSION 0x05u /**< the version of the firmware's interface that the module was built against */
#define MODFMT_TAG_ORIGIN 0x06u /**< prefix, link address of text's first byte after the prefix, link address of data */
#define MODFMT_TAG_IMPORT_NAMES 0x07u /**< the imports' names in the order of the import table, each ended by a zero byte */
#define MODFMT_TAG_EXPORT_NAMES 0x08u /**< the exports' names in the order of the export table, each ended by a zero byte */
#define MODFMT_TAG_PARAMS 0x09u /**< place and size of the parameter block */
#define MODFMT_TAG_IMPORT_PROTOTYPES 0x0au /**< what the imports were declared as, in the order of the import table, each ended by a zero byte */
#define MODFMT_TAG_BOUND 0x0bu /**< with linked: the addresses that the imports were bound to, in the order of the import table */
#define MODFMT_TAG_LINKED 0x8fu /**< what the image was linked for, and what it was before; always the first tag */
#define MODFMT_TAG_INIT_ARRAY 0x90u /**< place and size of the array of constructors */
#define MODFMT_TAG_FINI_ARRAY 0x91u /**< place and size of the array of destructors */
#define MODFMT_TAG_STATIC_BASE 0x92u /**< place whose address r9 holds whenever code of the module runs; then 0 */
#define MODFMT_TAG_DEPENDENCY 0x93u /**< another module: lowest version, first version too high (6 bytes each), name */
#define MODFMT_TAG_COMPRESSION 0x94u /**< method, size of text and size of data after decompression (32 bits each) */
#define MODFMT_TAG_SIGNATURE 0x7eu /**< algorithm and key number (16 bits each), signature bytes; always the last tag */

/* The value of the tag linked: offsets in bytes. */
#define MODFMT_LINKED_SIZE 28u
#define MODFMT_LINKED_BUILD_ID_MAX 64u
#define MODFMT_LINKED_OFF_TEXT 0u /**< address of text */
#define MODFMT_LINKED_OFF_DATA 4u /**< address of data; 0 if there is none */
#define MODFMT_LINKED_OFF_DATA_END 8u /**< address behind data and bss */
#define MODFMT_LINKED_OFF_API 12u /**< version of the firmware's interface, major × 65536 + minor; 0: not told */
#define MODFMT_LINKED_OFF_FLAGS 16u /**< flags of the image that was linked */
#define MODFMT_LINKED_OFF_TOTAL_SIZE 20u /**< its total_size */
#define MODFMT_LINKED_OFF_CRC 24u /**< its crc */

/* The module store: specs/store.md. */
#define MODFMT_STORE_VERSION 1u
#define MODFMT_STORE_RECORD_SIZE 32u
#define MODFMT_STORE_SHORT_SIZE 16u
#define MODFMT_STORE_SECTOR_MAX 32u
#define MODFMT_STORE_SLOT_MAX 1024u
#define MODFMT_STORE_RESERVE_SLOTS 32u
#define MODFMT_STORE_KEPT_SLOTS 16u
#define MODFMT_STORE_BLANK_SLOTS 8u
#define MODFMT_STORE_UNIT_MAX 32u
#define MODFMT_STORE_SECTOR_SIZE_MIN 1024u
#define MODFMT_STORE_REGION_MAX 67108864u
#define MODFMT_STORE_PLACE_ALIGN 64u
#define MODFMT_STORE_GAIN_MIN 1024u
#define MODFMT_STORE_OFF_TYPE 0u /**< what the record is; see Records */
#define MODFMT_STORE_OFF_ARGUMENT 1u /**< as the type says; else 0 */
#define MODFMT_STORE_OFF_BASE 2u /**< slot of the COMMIT that stands as of this record; 0: none yet */
#define MODFMT_STORE_OFF_SLOT 4u /**< this record's own slot */
#define MODFMT_STORE_OFF_COUNT 6u /**< how many records that COMMIT commits: those in the slots just before it */
#define MODFMT_STORE_OFF_GENERATION 8u /**< that of the directory's HEAD */
#define MODFMT_STORE_OFF_SHORT_CHECK 12u /**< short records: CRC-32 of the bytes 0 to 11, continued from the geometry check */
#define MODFMT_STORE_OFF_PAYLOAD 12u /**< long records: four words, as the type says */
#define MODFMT_STORE_OFF_LONG_CHECK 28u /**< long records: CRC-32 of the bytes 0 to 27, continued from the geometry check */
#define MODFMT_STORE_HEAD 0x18u /**< slot 0: begins a directory of this version */
#define MODFMT_STORE_IMAGE 0x01u /**< an image. Words: offset in the region, total_size, hash of the name, crc. Argument: bit 0 pinned, bit 1 filled. Offset 0xFFFFFFFF, size 0: the image of that name is no more */
#define MODFMT_STORE_FILL 0x03u /**< how far sectors are used. Argument: the first sector. Eight half-words: used bytes / 32, rounded up, of it and the seven after it; 0xFFFF: not known */
#define MODFMT_STORE_DEAD 0x05u /**< an image at the region's start that is not live, though its bytes may be there. Words as IMAGE */
#define MODFMT_STORE_COMMIT 0x10u /**< the count records before it count from now on; base is its own slot */
#define MODFMT_STORE_SETTLE 0x12u /**< says what stands (base, count) */
#define MODFMT_STORE_CONFIRM 0x11u /**< says what stands, and that for good: all before it was written and read back */
#define MODFMT_STORE_ERASE 0x13u /**< the sector argument is going to be erased */
#define MODFMT_STORE_CLEAN 0x15u /**< the sector argument has been erased wholly since its ERASE, and holds nothing */
#define MODFMT_STORE_RETIRED 0x14u /**< this directory is no more, unless it goes on behind: a newer one has taken over */

/* The firmware's descriptor: specs/firmware.md. */
#define MODFMT_HOST_MAGIC 0x48444f4du
#define MODFMT_HOST_VERSION 0x1u
#define MODFMT_HOST_VECTOR 0xau
#define MODFMT_HOST_SIZE_MIN 0x18u
#define MODFMT_HOST_OFF_MAGIC 0u /**< MODH: 4D 4F 44 48 */
#define MODFMT_HOST_OFF_SELF 4u /**< the descriptor's own address: what was copied or moved is none */
#define MODFMT_HOST_OFF_SIZE 8u /**< bytes of the descriptor, at least 24, a multiple of 4: fields beyond it are not there */
#define MODFMT_HOST_OFF_VERSION 12u /**< 1; a higher one has other fields */
#define MODFMT_HOST_OFF_REGION_BEGIN 16u /**< address of the module region's first byte */
#define MODFMT_HOST_OFF_REGION_END 20u /**< address behind its last byte */
#define MODFMT_HOST_OFF_FEATURES 24u /**< what modules may need: bits as in an image's needs; 0: not told */
#define MODFMT_HOST_OFF_EXPORTS 28u /**< address of the export table; 0: none */
#define MODFMT_HOST_OFF_EXPORT_COUNT 32u /**< entries of the export table */
#define MODFMT_HOST_OFF_BUILD_ID 36u /**< address of the firmware's build id; 0: none */
#define MODFMT_HOST_OFF_BUILD_ID_SIZE 40u /**< bytes of the build id */
#define MODFMT_HOST_OFF_ARENA_BEGIN 44u /**< address of RAM for modules whose addresses are fixed when they are flashed; 0: none */
#define MODFMT_HOST_OFF_ARENA_END 48u /**< address behind its last byte */
#define MODFMT_HOST_OFF_API_VERSION 52u /**< version of the firmware's interface: major × 65536 + minor; 0: not told */

/** Every error: X(name, number, text). Numbers are append-only. */
#define MODFMT_ERRORS(X) \
    X(MODFMT_E_TRUNCATED, -1, "the image ends before its total size, or before its header") \
    X(MODFMT_E_MAGIC, -2, "the first four bytes are not the format's magic number") \
    X(MODFMT_E_HEADER_CHECK, -3, "the header's check does not match its bytes") \
    X(MODFMT_E_VERSION, -4, "the major version is not one this reader knows") \
    X(MODFMT_E_HEADER_SIZE, -5, "the header size is not 64") \
    X(MODFMT_E_TOTAL_SIZE, -6, "the total size is not a multiple of 32, or is out of range") \
    X(MODFMT_E_FLAGS, -7, "a reserved flag is set, no placement is allowed, or in-place is allowed without apart") \
    X(MODFMT_E_MACHINE, -8, "the machine number is unknown") \
    X(MODFMT_E_NEEDS, -9, "a reserved bit of the needs is set") \
    X(MODFMT_E_TAG_COUNT, -10, "the critical tags are not first, or not as many as the header says") \
    X(MODFMT_E_ALIGN, -11, "an alignment is out of range, or an address is not aligned as the image asks") \
    X(MODFMT_E_SEGMENT, -12, "a segment's size is out of range, or smaller in memory than stored") \
    X(MODFMT_E_LAYOUT, -13, "the areas that the header describes do not fit into the total size") \
    X(MODFMT_E_ENTRY, -14, "the entry lies outside text or is not a Thumb address") \
    X(MODFMT_E_CRC, -15, "the CRC does not match the image") \
    X(MODFMT_E_PADDING, -16, "a padding byte is not zero") \
    X(MODFMT_E_RELOC_LIST, -17, "a relocation list has an invalid descriptor or is out of order") \
    X(MODFMT_E_RELOC_END, -18, "the relocation area ends inside a list") \
    X(MODFMT_E_RELOC_PLACE, -19, "a relocation's place lies outside its segment") \
    X(MODFMT_E_RELOC_IMPORT, -20, "a relocation names an import that does not exist") \
    X(MODFMT_E_RELOC_INSN, -21, "a MOVW/MOVT relocation's place does not hold such an instruction") \
    X(MODFMT_E_RELOC_CODE, -22, "a MOVW/MOVT group repeats the place of the group before it") \
    X(MODFMT_E_IMPORT, -23, "an import is out of order, or has a reserved flag set") \
    X(MODFMT_E_EXPORT, -24, "an export is out of order, lies outside its segment, or has a reserved flag set") \
    X(MODFMT_E_TAG_END, -25, "a tag reaches past the end of the image") \
    X(MODFMT_E_TAG_ORDER, -26, "a tag is out of order or given twice") \
    X(MODFMT_E_TAG_CRITICAL, -27, "a critical tag is unknown") \
    X(MODFMT_E_TAG_VALUE, -28, "a tag's length or value is invalid") \
    X(MODFMT_E_NAMES, -29, "a table of names does not hold one name per symbol, or a name does not match its hash") \
    X(MODFMT_E_IN_PLACE, -30, "an image that may run in place has a fix-up in text, or an alignment that placing it cannot keep") \
    X(MODFMT_E_NO_SPACE, -31, "the caller's buffer is too small (writer only)") \
    X(MODFMT_E_TRAILING, -32, "bytes other than 0xFF follow the image (files only)") \
    X(MODLOAD_E_NEEDS, -100, "the image needs a core feature or calling convention that this firmware lacks") \
    X(MODLOAD_E_PLACEMENT, -101, "the image does not allow the placement that the port asks for") \
    X(MODLOAD_E_MEMORY, -102, "the port has no memory for the module") \
    X(MODLOAD_E_READ, -103, "the port could not read the image") \
    X(MODLOAD_E_IMPORT, -104, "an import is not offered by the firmware") \
    X(MODLOAD_E_TYPE, -105, "an import is offered with another type than the module was built for") \
    X(MODLOAD_E_UNSUPPORTED, -106, "the image uses a feature that this loader was built without") \
    X(MODLOAD_E_DEPENDENCY, -107, "a module that this one needs is not there, or not in a version that it can use") \
    X(MODLOAD_E_CYCLE, -108, "modules need each other in a circle") \
    X(MODLOAD_E_IN_USE, -109, "other modules still need this one") \
    X(MODLOAD_E_STATE, -110, "the module is not in a state that allows this") \
    X(MODLOAD_E_TWICE, -111, "a module of that name is loaded already") \
    X(MODLOAD_E_DEPENDENCIES, -112, "the image needs more modules than this loader was built for") \
    X(MODLOAD_E_START, -113, "the port could not run the module") \
    X(MODLOAD_E_LINKED, -114, "the image was linked for another place, or for another firmware") \
    X(MODLOAD_E_EXECUTE, -115, "the module's data holds code, and the port has no memory for it that can execute") \
    X(MODFMT_E_STORE_GEOMETRY, -200, "the region's sectors, unit or base are none that a store can have") \
    X(MODFMT_E_STORE_MANY, -201, "there are more modules than the caller has room for") \
    X(MODFMT_E_STORE_DAMAGED, -202, "a record of the directory that must be readable is not") \
    X(MODFMT_E_STORE_FULL, -203, "there is no room for the image, even after compaction") \
    X(MODFMT_E_STORE_RESERVE, -204, "the image would take the last erased sector, which compaction needs") \
    X(MODFMT_E_STORE_SLOTS, -205, "the directory is full and cannot move") \
    X(MODFMT_E_STORE_COMPACT, -206, "no other sector holds the live bytes of the one that would be erased") \
    X(MODFMT_E_STORE_READ, -207, "flash or image could not be read") \
    X(MODFMT_E_STORE_PROGRAM, -208, "flash could not be programmed") \
    X(MODFMT_E_STORE_ERASE, -209, "flash could not be erased") \
    X(MODFMT_E_STORE_VERIFY, -210, "what was programmed does not read back") \
    X(MODFMT_E_STORE_NOT_FOUND, -211, "no module of that name is in the store") \
    X(MODFMT_E_STORE_TWICE, -212, "two of the images have the same name") \
    X(MODFMT_E_STORE_FORGED, -213, "the image would put something that looks like a directory at the end of a sector")

#endif
