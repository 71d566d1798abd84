# LibTorch::LibTorch: libtorch 2.11.0 as scripts/install.sh unpacks it (include/, lib/, licences/).
# Not the wheel's own package: that one asks for a CUDA toolkit even where none is needed.
#   LIBTORCH_ROOT          where it lies (cache variable)
#   LibTorch_LIBRARY_DIR   its lib/ with the five libraries
#   LibTorch_RUNTIME       those five files
set(cache_home "$ENV{XDG_CACHE_HOME}")
if(NOT cache_home)
    set(cache_home "$ENV{HOME}/.cache")
endif()
set(LIBTORCH_ROOT "${cache_home}/assay/libtorch-2.11.0" CACHE PATH "Folder of the unpacked libtorch")

set(LibTorch_LIBRARY_DIR ${LIBTORCH_ROOT}/lib)
set(LibTorch_RUNTIME "")
set(missing "")
foreach(file libtorch_cpu.so libc10.so libgomp.so.1 libcudart.so.13 libcupti.so.13)
    list(APPEND LibTorch_RUNTIME ${LibTorch_LIBRARY_DIR}/${file})
    if(NOT EXISTS ${LibTorch_LIBRARY_DIR}/${file})
        list(APPEND missing ${file})
    endif()
endforeach()
if(missing)
    set(LibTorch_NOT_FOUND_MESSAGE
        "${missing} not in ${LibTorch_LIBRARY_DIR}: run scripts/install.sh, or set LIBTORCH_ROOT")
else()
    set(LibTorch_COMPLETE TRUE)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS LibTorch_COMPLETE LIBTORCH_ROOT
                                  REASON_FAILURE_MESSAGE "${LibTorch_NOT_FOUND_MESSAGE}")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
    add_library(LibTorch::LibTorch INTERFACE IMPORTED)
    # -idirafter, not -isystem: the wheel ships older protobuf and fmt headers than the system has.
    foreach(folder include include/torch/csrc/api/include)
        set_property(TARGET LibTorch::LibTorch APPEND PROPERTY INTERFACE_COMPILE_OPTIONS
                     "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${LIBTORCH_ROOT}/${folder}>")
    endforeach()
    # One item, so that nothing can be sorted between the brackets.
    string(JOIN "," bracket "-Wl" "--push-state" "--no-as-needed" ${LibTorch_LIBRARY_DIR}/libtorch_cpu.so
           ${LibTorch_LIBRARY_DIR}/libc10.so "--pop-state" "-rpath-link" ${LibTorch_LIBRARY_DIR})
    set_property(TARGET LibTorch::LibTorch PROPERTY INTERFACE_LINK_LIBRARIES "${bracket}")
    # In the build tree; install() writes $ORIGIN/../lib/assay instead.
    list(APPEND CMAKE_BUILD_RPATH ${LibTorch_LIBRARY_DIR})
endif()
