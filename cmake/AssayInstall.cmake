# A folder that runs wherever it is moved: bin/assay, lib/assay/ (libtorch's libraries, in a build with
# it), licences/.
if(NOT TARGET assay)
    message(STATUS "no cli/main.cpp in this build: nothing to install")
    return()
endif()
install(TARGETS assay RUNTIME DESTINATION bin)
install(FILES LICENSE DESTINATION licences RENAME assay-LICENSE)
install(DIRECTORY configs/ DESTINATION share/assay/configs FILES_MATCHING PATTERN "*.toml")
if(ASSAY_WITH_TORCH)
    install(FILES ${LibTorch_RUNTIME} DESTINATION lib/assay)
    install(DIRECTORY ${LIBTORCH_ROOT}/licences/ DESTINATION licences)
endif()
# Sanitizers make a program that nobody installs.
if(ASSAY_TESTS AND NOT ASSAY_SANITIZE)
    add_test(NAME moved_install COMMAND ${CMAKE_COMMAND} -DBUILD_DIR=${PROJECT_BINARY_DIR}
             -DWITH_TORCH=${ASSAY_WITH_TORCH} -P ${PROJECT_SOURCE_DIR}/cmake/test_moved_install.cmake)
    set_tests_properties(moved_install PROPERTIES LABELS process TIMEOUT 300)
endif()
