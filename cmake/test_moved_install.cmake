# Installs into one folder, moves it, and starts the program there with the loader's cache off. With
# libtorch it must find that beside itself, not in the build tree or in an installed CUDA toolkit; without,
# the folder is small, and a peer of it trains.
set(root ${BUILD_DIR}/moved_install)
set(loader /lib64/ld-linux-x86-64.so.2)
set(bare_bytes_max 60000000)

function(fail text)
    file(REMOVE_RECURSE ${root})
    message(FATAL_ERROR "${text}")
endfunction()

# run(WORDS...): `assay WORDS...` of the moved folder; what it prints is in `output`.
macro(run)
    execute_process(COMMAND ${loader} --inhibit-cache ${root}/second/bin/assay ${ARGN}
                    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE errors)
    if(status)
        fail("assay ${ARGN} ended with ${status}: ${output}${errors}")
    endif()
endmacro()

function(check_libraries)
    execute_process(COMMAND ${loader} --inhibit-cache --list ${root}/second/bin/assay
                    RESULT_VARIABLE status OUTPUT_VARIABLE libraries ERROR_VARIABLE errors)
    foreach(name libtorch_cpu.so libc10.so libgomp.so.1 libcudart.so.13 libcupti.so.13)
        string(FIND "${libraries}" "${root}/second/bin/../lib/assay/${name}" by_runpath)
        string(FIND "${libraries}" "${root}/second/lib/assay/${name}" by_origin)
        if(by_runpath EQUAL -1 AND by_origin EQUAL -1)
            fail("${name} does not come from the moved folder:\n${libraries}${errors}")
        endif()
    endforeach()
endfunction()

function(check_size)
    file(GLOB_RECURSE files ${root}/second/*)
    set(bytes 0)
    foreach(file ${files})
        file(SIZE ${file} one)
        math(EXPR bytes "${bytes} + ${one}")
    endforeach()
    message(STATUS "${bytes} bytes are installed")
    if(bytes GREATER ${bare_bytes_max})
        fail("an install without libtorch takes ${bytes} bytes, more than ${bare_bytes_max}")
    endif()
endfunction()

# A run of two rounds with one peer, both of the moved folder.
function(check_training)
    set(world ${root}/world)
    file(MAKE_DIRECTORY ${world})
    file(GLOB documents ${CMAKE_CURRENT_LIST_DIR}/../docs/*.md)
    execute_process(COMMAND ${CMAKE_COMMAND} -E cat ${documents} OUTPUT_FILE ${world}/text.txt)
    set(ROUNDS 2)
    set(PEERS_MIN 1)
    configure_file(${CMAKE_CURRENT_LIST_DIR}/../tests/process/tiny.toml ${world}/run.toml @ONLY)
    run(tokenizer train --text ${world}/text.txt --vocab 300 --out ${world}/tokenizer.json)
    run(data prepare --text ${world}/text.txt --tokenizer ${world}/tokenizer.json --out ${world}/data)
    run(keygen --out ${world}/peer/peer.key)
    file(WRITE ${world}/admitted.txt "${output}")
    run(keygen --out ${world}/run/coordinator.key)
    string(STRIP "${output}" key)
    string(RANDOM LENGTH 4 ALPHABET 0123456789 port)
    set(address tcp://127.0.0.1:3${port})
    # The commands of one call run beside one another.
    execute_process(
        COMMAND ${root}/second/bin/assay coordinator --config ${world}/run.toml --dir ${world}/run
                --data ${world}/data --tokenizer ${world}/tokenizer.json --listen ${address}
                --admit ${world}/admitted.txt
        COMMAND ${root}/second/bin/assay peer --coordinator ${address} --coordinator-key ${key}
                --dir ${world}/peer
        TIMEOUT 200 RESULTS_VARIABLE results OUTPUT_VARIABLE output ERROR_VARIABLE errors)
    if(NOT results STREQUAL "0;0")
        fail("coordinator and peer ended with ${results}: ${output}${errors}")
    endif()
    run(ledger show --dir ${world}/run)
    if(NOT output MATCHES "earned [1-9]")
        fail("the peer earned nothing: ${output}")
    endif()
endfunction()

file(REMOVE_RECURSE ${root})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${root}/first
                RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE errors)
if(status)
    fail("install failed: ${errors}")
endif()
file(RENAME ${root}/first ${root}/second)
run(--version)
set(version "${output}")
set(licences assay-LICENSE)
if(WITH_TORCH)
    list(APPEND licences libtorch-LICENSE libtorch-NOTICE)
    check_libraries()
else()
    check_size()
    check_training()
endif()
foreach(file ${licences})
    if(NOT EXISTS ${root}/second/licences/${file})
        fail("licences/${file} is missing")
    endif()
endforeach()
file(REMOVE_RECURSE ${root})
message(STATUS "moved and started: ${version}")
