def list_building(x, n):
    states = [x]
    for i in range(n):
        states.append(np.sin(states[-1]) + x)
    return np.sum(np.stack(states) ** 2)


# jvp(list_building, wrt=0): 2.2 lines per line, 0 copies

def list_building_jvp(x, n, x_dot):
    states = [x]
    states_dot = [x_dot]
    for _ in range(n):
        states_item = states[-1]
        states_item_dot = states_dot[-1]
        cos_states_item = np.cos(states_item)
        states.append(np.sin(states_item) + x)
        states_dot.append(states_item_dot * cos_states_item + x_dot)
    stack_states = np.stack(states)
    return np.sum(stack_states ** 2), np.sum(2 * stack_states * np.stack(states_dot))
