/* Of measurements, of a guest or of a node. */
#pragma once
#include "cli/text.h"

MESSAGE(m_col_series, "SERIES", "系列");
MESSAGE(m_col_min, "MIN", "最小");
MESSAGE(m_col_average, "AVG", "平均");
MESSAGE(m_col_max, "MAX", "最大");
MESSAGE(m_col_now, "NOW", "現在");
MESSAGE(m_col_graph, "GRAPH", "グラフ");
MESSAGE(m_col_load, "LOAD", "負荷");
