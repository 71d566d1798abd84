# Installs into one folder, moves it, and starts the program there with the loader's cache off: it must
# find libtorch beside itself, not in the build tree or in an installed CUDA toolkit.
set(root ${BUILD_DIR}/moved_install)
set(loader /lib64/ld-linux-x86-64.so.2)

function(fail text)
    file(REMOVE_RECURSE ${root})
    message(FATAL_ERROR "${text}")
endfunction()

file(REMOVE_RECURSE ${root})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${root}/first
                RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE errors)
if(status)
    fail("install failed: ${errors}")
endif()
file(RENAME ${root}/first ${root}/second)

execute_process(COMMAND ${loader} --inhibit-cache --list ${root}/second/bin/assay
                RESULT_VARIABLE status OUTPUT_VARIABLE libraries ERROR_VARIABLE errors)
foreach(name libtorch_cpu.so libc10.so libgomp.so.1 libcudart.so.13 libcupti.so.13)
    string(FIND "${libraries}" "${root}/second/bin/../lib/assay/${name}" by_runpath)
    string(FIND "${libraries}" "${root}/second/lib/assay/${name}" by_origin)
    if(by_runpath EQUAL -1 AND by_origin EQUAL -1)
        fail("${name} does not come from the moved folder:\n${libraries}${errors}")
    endif()
endforeach()

execute_process(COMMAND ${loader} --inhibit-cache ${root}/second/bin/assay --version
                RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE errors)
if(status)
    fail("assay --version ended with ${status}: ${output}${errors}")
endif()
foreach(file licences/assay-LICENSE licences/libtorch-LICENSE licences/libtorch-NOTICE)
    if(NOT EXISTS ${root}/second/${file})
        fail("${file} is missing")
    endif()
endforeach()
file(REMOVE_RECURSE ${root})
message(STATUS "moved and started: ${output}")
