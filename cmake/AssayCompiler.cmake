# How our own targets are compiled. Everything here is attached to assay_flags (arithmetic, sanitizers:
# generated code too) and assay_warnings (hand-written code only).
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

find_program(ASSAY_CCACHE ccache)
if(ASSAY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # The sloppiness is what ccache asks for before it caches files that use a precompiled header.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${ASSAY_CCACHE})
endif()

set(ASSAY_CXX "$<COMPILE_LANGUAGE:C,CXX>")
add_library(assay_flags INTERFACE)
target_link_libraries(assay_flags INTERFACE Threads::Threads)
target_compile_options(assay_flags INTERFACE "$<${ASSAY_CXX}:-ffp-contract=off>"
                       "$<$<COMPILE_LANGUAGE:CUDA>:--fmad=false>")

add_library(assay_warnings INTERFACE)
foreach(flag -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
    target_compile_options(assay_warnings INTERFACE "$<${ASSAY_CXX}:${flag}>")
endforeach()

if(ASSAY_SANITIZE OR ASSAY_FUZZ)
    set(sanitizers ${ASSAY_SANITIZE})
    if(ASSAY_FUZZ)
        set(sanitizers fuzzer-no-link,address,undefined)
    endif()
    # Lines of a stack are what a report needs; all that -g writes costs a quarter of the compile time.
    target_compile_options(assay_flags INTERFACE -fsanitize=${sanitizers} -g1 -fno-omit-frame-pointer
                           -fno-sanitize-recover=all)
    target_link_options(assay_flags INTERFACE -fsanitize=${sanitizers})
    # g++ 12 reports uninitialised values that only its own instrumentation made, that the thread
    # sanitizer does not follow the fences of Boost.Asio, and, where files are compiled as one, takes
    # each for a header: a class of its own with a part of an unnamed namespace is no clash there.
    foreach(flag -Wno-maybe-uninitialized -Wno-tsan -Wno-subobject-linkage)
        target_compile_options(assay_warnings INTERFACE "$<$<CXX_COMPILER_ID:GNU>:${flag}>")
    endforeach()
endif()
