// Where Verilator's runtime prints to: included before everything of it.
#pragma once
#ifdef __cplusplus
extern "C"
#endif
int silico_rtl_print(const char* format, ...);
