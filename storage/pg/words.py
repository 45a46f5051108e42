"""Titles and colours of states and causes, for the tables `state` and `cause` that let SQL show words.

The codes and words themselves are those of core.vocabulary; a word without a title here is a defect that a test finds.
Colours can be told apart by people with red-green blindness (after Okabe and Ito); UNKNOWN is grey, never red.
"""

from __future__ import annotations

from core.vocabulary import Cause, State

GREY, GREEN, SKY, BLUE, ORANGE, VERMILION, PURPLE, YELLOW = (
    "#bbbbbb",
    "#009e73",
    "#56b4e9",
    "#0072b2",
    "#e69f00",
    "#d55e00",
    "#cc79a7",
    "#f0e442",
)

STATES: dict[State, tuple[str, str, str]] = {
    State.UNKNOWN: ("No data", "Нет данных", GREY),
    State.PRODUCING: ("Producing", "Работа", GREEN),
    State.IDLE: ("Idle", "Простой", YELLOW),
    State.SETUP: ("Setup", "Наладка", BLUE),
    State.PLANNED_STOP: ("Planned stop", "Плановая остановка", SKY),
    State.UNPLANNED_STOP: ("Unplanned stop", "Аварийная остановка", VERMILION),
}
"""English title, Russian title, colour."""

CAUSES: dict[Cause, tuple[str, str, str]] = {
    Cause.NONE: ("—", "—", GREY),
    Cause.SILENT: ("Source is silent", "Источник молчит", GREY),
    Cause.DISCONNECTED: ("Connection lost", "Связь потеряна", GREY),
    Cause.RESTART: ("Stanok was not running", "Stanok не работал", GREY),
    Cause.NO_DATA_YET: ("No data yet", "Данных ещё не было", GREY),
    Cause.SESSION_LOST: ("Session lost", "Сеанс потерян", GREY),
    Cause.OFFLINE: ("Machine is offline", "Станок не на связи", GREY),
    Cause.BAD_DATA: ("Bad data", "Недостоверные данные", GREY),
    Cause.NOT_AVAILABLE: ("Not available", "Недоступен", GREY),
    Cause.NO_STATE_INPUT: ("No state signal", "Нет сигнала состояния", GREY),
    Cause.ESTOP: ("Emergency stop", "Аварийный останов", VERMILION),
    Cause.OUT_OF_SERVICE: ("Out of service", "Выведен из эксплуатации", VERMILION),
    Cause.ALARM: ("Alarm", "Авария", VERMILION),
    Cause.MAINTENANCE: ("Maintenance", "Техническое обслуживание", SKY),
    Cause.REPAIR: ("Repair", "Ремонт", VERMILION),
    Cause.SETUP: ("Setup", "Наладка", BLUE),
    Cause.MANUAL: ("Manual mode", "Ручной режим", BLUE),
    Cause.WARM_UP: ("Warm-up", "Прогрев", BLUE),
    Cause.DRY_RUN: ("Dry run", "Пробный прогон", BLUE),
    Cause.INTERRUPTED: ("Program interrupted", "Программа прервана", ORANGE),
    Cause.FEED_HOLD: ("Feed hold", "Останов подачи", ORANGE),
    Cause.OPTIONAL_STOP: ("Optional stop", "Условный останов", ORANGE),
    Cause.WAIT_LOAD: ("Waiting for loading", "Ожидание загрузки", YELLOW),
    Cause.WAIT_UNLOAD: ("Waiting for unloading", "Ожидание выгрузки", YELLOW),
    Cause.WAIT_TOOL: ("Waiting for a tool", "Ожидание инструмента", YELLOW),
    Cause.WAIT_MATERIAL: ("Waiting for material", "Ожидание заготовки", YELLOW),
    Cause.WAIT_OPERATOR: ("Waiting for the operator", "Ожидание оператора", YELLOW),
    Cause.WAIT_SERVICE: ("Waiting for service", "Ожидание службы", YELLOW),
    Cause.WAIT_OTHER: ("Waiting", "Ожидание", YELLOW),
    Cause.OVERRIDE_ZERO: ("Override at zero", "Корректор на нуле", ORANGE),
    Cause.READY: ("Ready", "Готов", YELLOW),
    Cause.PROGRAM_END: ("Program ended", "Программа завершена", YELLOW),
    Cause.STOPPED: ("Program stopped", "Программа остановлена", YELLOW),
    Cause.STANDING: ("Standing still", "Стоит", YELLOW),
    Cause.MODE_UNCLEAR: ("Mode unclear", "Режим неясен", PURPLE),
    Cause.UNMAPPED: ("Unknown word of the control", "Неизвестное слово ЧПУ", PURPLE),
    Cause.COUNTER_RESET: ("Part counter was reset", "Счётчик деталей сброшен", GREY),
    Cause.COUNTER_SET: ("Part counter was set", "Счётчик деталей установлен вручную", GREY),
    Cause.COUNTER_CORRECTED: ("Part counter was corrected", "Счётчик деталей исправлен", GREY),
    Cause.COUNTER_OVER: ("Part counter rolled over or was reset", "Счётчик деталей переполнен или сброшен", GREY),
    Cause.COUNTER_JUMPED: ("Part counter jumped", "Скачок счётчика деталей", GREY),
    Cause.JOB_CHANGED: ("Part counter of another job", "Счётчик деталей другого задания", GREY),
    Cause.PROGRAM_CHANGED: ("Program changed between counts", "Программа сменилась между показаниями", GREY),
}
"""English title, Russian title, colour."""
