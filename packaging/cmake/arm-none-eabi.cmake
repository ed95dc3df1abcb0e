# SPDX-License-Identifier: BSD-2-Clause
# CMake toolchain file for modules: GNU Arm Embedded. It finds the package that it came with.
#
#     cmake -DCMAKE_TOOLCHAIN_FILE=PREFIX/share/modfmt/arm-none-eabi.cmake
#
# MODFMT_MACHINE has the flags that say which core it is for; a module and its firmware must
# agree on -mfloat-abi where floating-point values are passed between them.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)

set(MODFMT_MACHINE "-mcpu=cortex-m4 -mthumb" CACHE STRING "The compiler's flags for the core")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MODFMT_MACHINE)

set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_FLAGS_INIT "${MODFMT_MACHINE}")
set(CMAKE_CXX_FLAGS_INIT "${MODFMT_MACHINE} -fno-exceptions -fno-rtti")
set(CMAKE_ASM_FLAGS_INIT "${MODFMT_MACHINE}")

# A program for a bare machine does not link before it has a linker script.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

# Programs are the host's; libraries and headers are not.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

get_filename_component(modfmt_prefix "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
list(APPEND CMAKE_PREFIX_PATH "${modfmt_prefix}")
